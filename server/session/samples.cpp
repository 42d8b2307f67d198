#include "server/session/samples.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace parley::server {

static_assert(std::endian::native == std::endian::little, "samples are copied as they lie in memory");

std::vector<std::int16_t> samples_of(protocol::ByteView bytes) {
  std::vector<std::int16_t> samples(bytes.size() / 2);
  if (!samples.empty()) std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
  return samples;
}

protocol::Bytes bytes_of(std::span<const std::int16_t> samples) {
  const auto bytes = std::as_bytes(samples);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::int16_t> pcm16_of(std::span<const float> samples) {
  std::vector<std::int16_t> pcm(samples.size());
  std::transform(samples.begin(), samples.end(), pcm.begin(), [](float sample) {
    return static_cast<std::int16_t>(std::lround(std::clamp(sample * 32768.0F, -32768.0F, 32767.0F)));
  });
  return pcm;
}

}  // namespace parley::server
