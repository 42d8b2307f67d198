// Matrices of any format with random numbers, and what they stand for.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "engine/kernels/matrix.hpp"
#include "engine/kernels/numbers.hpp"

namespace parley::test {

inline std::vector<float> random_floats(std::size_t count, unsigned seed, float size = 1.0F) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-size, size);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

struct RandomMatrix {
  std::vector<std::byte> weights, scales, minima;
  std::vector<float> values;  // [outputs, inputs]
  kernels::MatrixView view;

  RandomMatrix(kernels::Format format, int outputs, int inputs, unsigned seed) {
    using kernels::Format;
    std::mt19937 random(seed);
    const auto size = static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs);
    values.resize(size);
    const auto drawn = random_floats(size, seed + 1);
    const auto put16 = [](std::vector<std::byte>& to, std::size_t index, std::uint16_t number) {
      std::memcpy(to.data() + 2 * index, &number, 2);
    };
    if (kernels::is_grouped(format)) {
      const std::size_t groups = size / kernels::group_size;
      const bool four = format == Format::groups4;
      weights.resize(four ? size / 2 : size);
      scales.resize(2 * groups);
      minima.resize(four ? 2 * groups : 0);
      for (std::byte& byte : weights) byte = static_cast<std::byte>(random() & 255U);
      for (std::size_t group = 0; group < groups; ++group) {
        put16(scales, group,
              kernels::float_to_half((four ? 0.001F : 0.0001F) * static_cast<float>(1 + random() % 100)));
        if (four) put16(minima, group, kernels::float_to_half(-0.01F * static_cast<float>(random() % 100)));
      }
      for (std::size_t at = 0; at < size; ++at) {
        const std::size_t group = at / 32;
        const std::size_t rest = at % 32;
        const auto scale = half(scales, group);
        if (four) {
          const auto byte = std::to_integer<unsigned>(weights[group * 16 + rest % 16]);
          values[at] = scale * static_cast<float>(rest < 16 ? byte & 15U : byte >> 4) + half(minima, group);
        } else {
          if (weights[at] == std::byte{0x80}) weights[at] = std::byte{0};  // -128 is never written
          values[at] = scale * static_cast<float>(static_cast<std::int8_t>(weights[at]));
        }
      }
    } else {
      weights.resize(size * (format == Format::f32 ? 4 : 2));
      for (std::size_t at = 0; at < size; ++at) {
        std::uint32_t bits;
        std::memcpy(&bits, &drawn[at], 4);
        if (format == Format::f32) std::memcpy(weights.data() + 4 * at, &bits, 4);
        if (format == Format::f16) put16(weights, at, kernels::float_to_half(drawn[at]));
        if (format == Format::bf16) put16(weights, at, static_cast<std::uint16_t>(bits >> 16));
        values[at] = format == Format::f32 ? drawn[at]
                     : format == Format::f16
                         ? half(weights, at)
                         : kernels::bfloat16_to_float(static_cast<std::uint16_t>(bits >> 16));
      }
    }
    view = {format, outputs, inputs, weights.data(), scales.data(), minima.data()};
  }
  RandomMatrix(const RandomMatrix&) = delete;

 private:
  static float half(const std::vector<std::byte>& from, std::size_t index) {
    std::uint16_t number;
    std::memcpy(&number, from.data() + 2 * index, 2);
    return kernels::half_to_float(number);
  }
};

}  // namespace parley::test
