#include "engine/models/step_audio_2/token2wav/noise.hpp"

#include <cmath>
#include <numbers>
#include <tuple>
#include <utility>

namespace parley::step_audio_2 {
namespace {

// SplitMix64 (Steele, Lea & Flood 2014): its state after so many steps, mixed.
std::uint64_t mixed_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t bits = seed + (index + 1) * 0x9E3779B97F4A7C15U;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  return bits ^ (bits >> 31);
}

std::pair<float, float> normal_pair(std::uint64_t seed, std::uint64_t pair) {
  const std::uint64_t bits = mixed_bits(seed, pair);
  // (0, 1] and [0, 1), 32 bits each
  const double radius_from = (static_cast<double>(bits >> 32) + 1) * 0x1p-32;
  const auto turn = static_cast<float>(static_cast<double>(bits & 0xFFFFFFFFU) * 0x1p-32);
  const float radius = std::sqrt(-2 * std::log(static_cast<float>(radius_from)));
  const float angle = 2 * std::numbers::pi_v<float> * turn;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

void fill_normal(std::uint64_t seed, std::uint64_t first, std::span<float> values) {
  std::size_t i = 0;
  if (!values.empty() && first % 2 == 1) values[i++] = normal_pair(seed, first / 2).second;
  for (; i + 1 < values.size(); i += 2)
    std::tie(values[i], values[i + 1]) = normal_pair(seed, (first + i) / 2);
  if (i < values.size()) values[i] = normal_pair(seed, (first + i) / 2).first;
}

}  // namespace parley::step_audio_2
