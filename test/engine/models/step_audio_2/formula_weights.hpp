// Weights and inputs of official size that no file has to carry: numbers by a formula which the reference
// computes as well (scripts/parity/formula.py). Equal bit for bit on both sides: the quotient has 24 bits,
// and the product with `scale` is one float32 rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley::step_audio_2 {

// Steele, Lea & Flood 2014: the first number of the generator SplitMix64 that starts at `state`.
constexpr std::uint64_t splitmix64(std::uint64_t state) {
  state += 0x9E3779B97F4A7C15U;
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31U);
}

// Evenly distributed over [-scale, scale).
constexpr float formula_value(std::uint32_t seed, std::uint32_t index, float scale) {
  const std::uint64_t bits = splitmix64((static_cast<std::uint64_t>(seed) << 32U) + index) >> 40U;
  return (static_cast<float>(bits) / 8388608.0F - 1.0F) * scale;
}

// Values 0 .. count - 1 of a seed.
inline std::vector<float> formula_values(std::uint32_t seed, std::size_t count, float scale) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = formula_value(seed, static_cast<std::uint32_t>(i), scale);
  return values;
}

}  // namespace parley::step_audio_2
