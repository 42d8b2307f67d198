#include "engine/kernels/numbers.hpp"

#include <bit>
#include <cmath>

namespace parley::kernels {

float half_to_float(std::uint16_t half) {
  const bool negative = (half & 0x8000U) != 0;
  const std::uint32_t rest = half & 0x7fffU;
  float value;
  if (rest < 0x0400U)  // subnormal: 2^-24 is one unit
    value = static_cast<float>(rest) * 0x1p-24F;
  else if (rest < 0x7c00U)
    value = std::bit_cast<float>((rest << 13) + ((127U - 15U) << 23));
  else
    value = std::bit_cast<float>(0x7f800000U | ((rest & 0x3ffU) << 13));
  return negative ? -value : value;
}

std::uint16_t float_to_half(float value) {
  const std::uint32_t sign = (std::bit_cast<std::uint32_t>(value) >> 16) & 0x8000U;
  const float size = std::fabs(value);
  std::uint32_t rest;
  if (std::isnan(value))
    rest = 0x7e00U;
  else if (size >= 65520.0F)  // rounds to more than the largest
    rest = 0x7c00U;
  else if (size < 0x1p-14F)
    rest = static_cast<std::uint32_t>(std::nearbyint(size * 0x1p24F));
  else {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(size);
    rest = (bits + 0x0fffU + ((bits >> 13) & 1U) - ((127U - 15U) << 23)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | rest);
}

float bfloat16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);  // stays NaN, and quiet
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace parley::kernels
