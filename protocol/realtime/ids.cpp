#include "protocol/realtime/ids.hpp"

#include <algorithm>

namespace parley::protocol {

std::string IdGenerator::make(std::string_view prefix) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr int sextets = 10;  // of the 64 bits; the four that are left over are not used

  std::string id(prefix);
  id.reserve(prefix.size() + random_characters);
  std::uint64_t bits = 0;
  int left = 0;
  for (int made = 0; made < random_characters;) {
    if (left == 0) {
      bits = random_();
      left = sextets;
    }
    const auto sextet = bits & 63U;
    bits >>= 6U;
    --left;
    if (sextet >= alphabet.size())
      continue;  // 2 of 64: drawn again, so that all characters are equally likely
    id += alphabet[sextet];
    ++made;
  }
  return id;
}

bool is_valid_id(std::string_view id) {
  const auto legal = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), legal);
}

}  // namespace parley::protocol
