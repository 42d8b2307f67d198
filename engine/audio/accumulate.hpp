// out[n] += sum over i of x[i] * weight[i][n]: a small matrix product whose weights lie output by output.
#pragma once

#include <cstddef>
#include <span>

namespace parley::audio {

inline constexpr std::size_t accumulate_lanes = 16;  // `out` is a multiple of so many floats

// weight is [x.size(), out.size()], row-major. Uses AVX2 where the processor has it.
void accumulate(std::span<float> out, std::span<const float> x, const float* weight);

}  // namespace parley::audio
