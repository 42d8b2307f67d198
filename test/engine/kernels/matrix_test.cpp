#include "engine/kernels/matrix.hpp"

#include <array>
#include <cmath>

#include "engine/kernels/numbers.hpp"
#include "test/engine/kernels/random_matrix.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using kernels::Format;
using kernels::Matrix;

namespace {

constexpr std::array formats{Format::f32, Format::f16, Format::bf16, Format::groups8, Format::groups4};

std::vector<float> row_of(const Matrix& matrix, int row) {
  std::vector<float> values(static_cast<std::size_t>(matrix.inputs()));
  matrix.row(row, values.data());
  return values;
}

}  // namespace

TEST_CASE("a packed matrix has the numbers it was made from", "[kernels][matrix]") {
  kernels::Team team(2);
  for (const Format format : formats) {
    const test::RandomMatrix random(format, 37, 96, 7);
    const Matrix matrix = Matrix::pack(team, random.view);
    CHECK(matrix.outputs() == 37);
    CHECK(matrix.inputs() == 96);
    for (int row = 0; row < 37; ++row) {
      const auto from = random.values.begin() + row * 96;
      CHECK(row_of(matrix, row) == std::vector<float>(from, from + 96));
    }
  }
}

TEST_CASE("matrices of one width are packed one after the other, whatever their formats",
          "[kernels][matrix]") {
  kernels::Team team(1);
  const test::RandomMatrix first(Format::groups4, 20, 64, 1);
  const test::RandomMatrix second(Format::groups8, 9, 64, 2);
  const std::array parts{first.view, second.view};
  const Matrix matrix = Matrix::pack(team, parts);
  CHECK(matrix.format() == Format::f32);
  CHECK(row_of(matrix, 19) == std::vector<float>(first.values.end() - 64, first.values.end()));
  CHECK(row_of(matrix, 28) == std::vector<float>(second.values.end() - 64, second.values.end()));
}

TEST_CASE("matrices of different widths or of broken groups are refused", "[kernels][matrix]") {
  kernels::Team team(1);
  const test::RandomMatrix wide(Format::f32, 4, 64, 1);
  const test::RandomMatrix narrow(Format::f32, 4, 32, 2);
  const std::array parts{wide.view, narrow.view};
  CHECK_THROWS_AS(Matrix::pack(team, parts), std::invalid_argument);
  kernels::MatrixView broken = wide.view;
  broken.format = Format::groups8;
  broken.inputs = 40;
  CHECK_THROWS_AS(Matrix::pack(team, broken), std::invalid_argument);
}

TEST_CASE("floats are rounded to the nearest of 255 levels of their group", "[kernels][matrix]") {
  kernels::Team team(2);
  const test::RandomMatrix random(Format::f16, 5, 64, 3);
  const kernels::Rounded rounded = kernels::round_to_groups8(team, random.view);
  const Matrix matrix = Matrix::pack(team, rounded.view);
  for (int row = 0; row < 5; ++row) {
    const auto values = row_of(matrix, row);
    for (std::size_t i = 0; i < 64; ++i)
      CHECK(std::fabs(values[i] - random.values[static_cast<std::size_t>(row) * 64 + i]) <=
            1.0F / 127 * 0.51F);
  }
}

TEST_CASE("floats that are packed as groups of 8 bits are those that were rounded before",
          "[kernels][matrix]") {
  kernels::Team team(2);
  for (const Format from : {Format::f32, Format::f16, Format::bf16}) {
    const test::RandomMatrix random(from, 37, 96, 5);
    const Matrix packed = Matrix::pack(team, random.view, Format::groups8);
    const kernels::Rounded rounded = kernels::round_to_groups8(team, random.view);
    const Matrix expected = Matrix::pack(team, rounded.view);
    CHECK(packed.format() == Format::groups8);
    CHECK(packed.bytes() == expected.bytes());
    for (int row = 0; row < 37; ++row) CHECK(row_of(packed, row) == row_of(expected, row));
  }
  const test::RandomMatrix narrow(Format::f32, 4, 40, 2);
  CHECK_THROWS_AS(Matrix::pack(team, narrow.view, Format::groups8), std::invalid_argument);
  CHECK_THROWS_AS(Matrix::pack(team, narrow.view, Format::groups4), std::invalid_argument);
}

TEST_CASE("floats that are packed in another float format are rounded to it", "[kernels][matrix]") {
  kernels::Team team(1);
  const test::RandomMatrix random(Format::f32, 20, 64, 6);
  const test::RandomMatrix other(Format::f16, 20, 64, 7);
  const Matrix bfloats = Matrix::pack_gated(team, random.view, other.view, Format::bf16);
  const std::array both{random.view, other.view};
  const Matrix halves = Matrix::pack(team, both, Format::f16);
  CHECK(bfloats.format() == Format::bf16);
  CHECK(halves.format() == Format::f16);
  for (int row = 0; row < 20; ++row)
    for (std::size_t i = 0; i < 64; ++i) {
      const float value = random.values[static_cast<std::size_t>(row) * 64 + i];
      CHECK(row_of(bfloats, row)[i] == kernels::bfloat16_to_float(kernels::float_to_bfloat16(value)));
      CHECK(row_of(halves, row)[i] == kernels::half_to_float(kernels::float_to_half(value)));
      CHECK(row_of(halves, 20 + row)[i] == other.values[static_cast<std::size_t>(row) * 64 + i]);
    }
  const test::RandomMatrix grouped(Format::groups8, 20, 64, 8);
  CHECK(Matrix::pack(team, grouped.view, Format::bf16).format() == Format::groups8);  // groups stay groups
}

TEST_CASE("bfloat16 keeps every one of its numbers, and floats round to the nearest even", "[kernels]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7fffU) > 0x7f80U) continue;  // NaN
    REQUIRE(kernels::float_to_bfloat16(kernels::bfloat16_to_float(half)) == half);
  }
  CHECK(kernels::float_to_bfloat16(1.0F + 0x1p-8F) == kernels::float_to_bfloat16(1.0F));
  CHECK(kernels::float_to_bfloat16(1.0F + 0x1.8p-7F) == kernels::float_to_bfloat16(1.0F + 0x1p-6F));
  CHECK(std::isnan(kernels::bfloat16_to_float(kernels::float_to_bfloat16(std::nanf("")))));
}

TEST_CASE("half precision keeps every one of its numbers, and floats round to the nearest even",
          "[kernels]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7fffU) > 0x7c00U) continue;  // NaN
    REQUIRE(kernels::float_to_half(kernels::half_to_float(half)) == half);
  }
  CHECK(kernels::float_to_half(1.0F + 0x1p-11F) == kernels::float_to_half(1.0F));
  CHECK(kernels::float_to_half(1.0F + 0x1.8p-10F) == kernels::float_to_half(1.0F + 0x1p-9F));
  CHECK(std::isinf(kernels::half_to_float(kernels::float_to_half(70000.0F))));
  CHECK(std::isnan(kernels::half_to_float(kernels::float_to_half(std::nanf("")))));
}
