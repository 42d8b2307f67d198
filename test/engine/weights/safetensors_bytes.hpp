// Puts a safetensors file together from its parts, right or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::test {

inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(std::uint64_t{header.size()} >> (8 * i)));
  bytes += header;
  bytes += data;
  return bytes;
}

}  // namespace parley::test
