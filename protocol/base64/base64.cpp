// Encoding looks 12 bits up at a time (two characters); decoding looks each of four characters up in its own
// table of already shifted values, so that a quartet costs four loads, three ORs and one comparison.

#include "protocol/base64/base64.hpp"

#include <array>
#include <cstdint>

namespace parley::protocol::base64 {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(alphabet.size() == 64);

using Pair = std::array<char, 2>;
constexpr auto pairs = [] {
  std::array<Pair, 4096> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = {alphabet[i >> 6U], alphabet[i & 63U]};
  return table;
}();

constexpr std::uint32_t illegal = 0xFF000000;  // outside the 24 bits of a quartet

constexpr auto values = [] {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::size_t place = 0; place < 4; ++place) {
    tables[place].fill(illegal);
    for (std::uint32_t i = 0; i < 64; ++i)
      tables[place][static_cast<unsigned char>(alphabet[i])] = i << (18 - 6 * place);
  }
  return tables;
}();

std::uint32_t value(std::size_t place, char character) {
  return values[place][static_cast<unsigned char>(character)];
}

std::byte low_byte(std::uint32_t bits) { return static_cast<std::byte>(bits & 0xFFU); }

}  // namespace

void encode(ByteView bytes, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + encoded_size(bytes.size()));
  char* to = out.data() + start;
  const auto put = [&to](std::uint32_t twelve_bits) {
    *to++ = pairs[twelve_bits][0];
    *to++ = pairs[twelve_bits][1];
  };

  const auto at = [bytes](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t bits = at(i) << 16U | at(i + 1) << 8U | at(i + 2);
    put(bits >> 12U);
    put(bits & 0xFFFU);
  }
  if (const std::size_t rest = bytes.size() - i; rest > 0) {
    const std::uint32_t bits = at(i) << 16U | (rest == 2 ? at(i + 1) << 8U : 0U);
    put(bits >> 12U);
    put(bits & 0xFFFU);
    to[-1] = '=';
    if (rest == 1) to[-2] = '=';
  }
}

std::string encode(ByteView bytes) {
  std::string out;
  encode(bytes, out);
  return out;
}

std::optional<Bytes> decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return Bytes{};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t whole = (text.size() - (padding > 0 ? 4 : 0)) / 4;  // quartets without padding

  Bytes bytes(text.size() / 4 * 3 - padding);
  std::byte* to = bytes.data();
  std::uint32_t seen = 0;  // gathers `illegal` from anywhere, looked at once
  const char* from = text.data();
  for (std::size_t i = 0; i < whole; ++i, from += 4) {
    const std::uint32_t bits = value(0, from[0]) | value(1, from[1]) | value(2, from[2]) | value(3, from[3]);
    seen |= bits;
    *to++ = low_byte(bits >> 16U);
    *to++ = low_byte(bits >> 8U);
    *to++ = low_byte(bits);
  }
  if (padding > 0) {
    const std::uint32_t bits =
        value(0, from[0]) | value(1, from[1]) | (padding == 1 ? value(2, from[2]) : 0U);
    const std::uint32_t stray = padding == 1 ? 0xFFU : 0xFFFFU;  // bits that no byte takes
    seen |= bits;
    if ((bits & stray) != 0) return std::nullopt;
    *to++ = low_byte(bits >> 16U);
    if (padding == 1) *to++ = low_byte(bits >> 8U);
  }
  if ((seen & illegal) != 0) return std::nullopt;
  return bytes;
}

}  // namespace parley::protocol::base64
