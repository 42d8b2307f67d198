// Conversions between float and the 16-bit formats, exact and rounded to nearest even.
#pragma once

#include <cstdint>

namespace parley::kernels {

float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);
float bfloat16_to_float(std::uint16_t bits);
std::uint16_t float_to_bfloat16(float value);

}  // namespace parley::kernels
