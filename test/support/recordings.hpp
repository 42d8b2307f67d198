// Recorded human speech for tests: Debian's package pocketsphinx-testdata, which scripts/setup --tests
// installs.
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace parley::test {

inline std::filesystem::path recording(const std::string& name) {
  std::filesystem::path file = std::filesystem::path("/usr/share/pocketsphinx/test/data") / name;
  if (!std::filesystem::exists(file))
    throw std::runtime_error(file.string() + " is missing; run ./scripts/setup --tests");
  return file;
}

// A headerless recording (.raw): 16 kHz, 16 bit, mono; as -1..1.
inline std::vector<float> raw_pcm(const std::string& name) {
  static_assert(std::endian::native == std::endian::little);
  std::ifstream stream(recording(name), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  std::vector<float> pcm(bytes.size() / 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    auto low = static_cast<unsigned char>(bytes[2 * i]);
    auto high = static_cast<unsigned char>(bytes[2 * i + 1]);
    pcm[i] = static_cast<float>(static_cast<std::int16_t>(low | (high << 8))) / 32768.0F;
  }
  return pcm;
}

}  // namespace parley::test
