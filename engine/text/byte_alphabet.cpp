#include "engine/text/byte_alphabet.hpp"

#include <algorithm>
#include <array>

#include "engine/text/utf8.hpp"

namespace parley::text {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> alphabet = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte)
    characters[static_cast<std::size_t>(byte)] =
        stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  return characters;
}();

constexpr std::size_t code_points = 0x100 + 68;

constexpr std::array<int, code_points> byte_by_code_point = [] {
  std::array<int, code_points> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) bytes[alphabet[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}();

}  // namespace

std::string character_of(unsigned char byte) {
  std::string character;
  append_utf8(alphabet[byte], character);
  return character;
}

std::optional<std::string> bytes_of_characters(std::string_view token) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const Utf8Unit unit = first_unit(token.substr(at));
    if (unit.state != Utf8Unit::State::whole || unit.code_point >= code_points ||
        byte_by_code_point[unit.code_point] < 0)
      return std::nullopt;
    bytes += static_cast<char>(byte_by_code_point[unit.code_point]);
    at += unit.size;
  }
  return bytes;
}

}  // namespace parley::text
