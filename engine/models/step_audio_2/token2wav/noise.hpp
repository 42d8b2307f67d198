// Normally distributed numbers that depend on a seed and their index alone: the same however many are asked
// for at once, on any machine and device.
#pragma once

#include <cstdint>
#include <span>

namespace parley::step_audio_2 {

// Numbers first, first + 1, ... of the seed's sequence; mean 0, variance 1 (Box & Muller 1958, of
// SplitMix64).
void fill_normal(std::uint64_t seed, std::uint64_t first, std::span<float> values);

}  // namespace parley::step_audio_2
