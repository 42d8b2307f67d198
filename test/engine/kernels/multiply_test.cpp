#include "engine/kernels/multiply.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "test/engine/kernels/random_matrix.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using kernels::Format;
using kernels::Matrix;
using kernels::Then;

namespace {

constexpr std::array every_format{Format::f32, Format::f16, Format::bf16, Format::groups8, Format::groups4};
constexpr int inputs = 96;
constexpr int outputs = 50;

std::vector<double> expected(const test::RandomMatrix& random, const std::vector<float>& x, int rows) {
  std::vector<double> y;
  for (int row = 0; row < rows; ++row)
    for (int output = 0; output < random.view.outputs; ++output) {
      double sum = 0;
      for (int i = 0; i < random.view.inputs; ++i)
        sum += static_cast<double>(x[static_cast<std::size_t>(row * random.view.inputs + i)]) *
               random.values[static_cast<std::size_t>(output * random.view.inputs + i)];
      y.push_back(sum);
    }
  return y;
}

std::vector<float> product(kernels::Team& team, const Matrix& matrix, const std::vector<float>& x, int rows) {
  std::vector<float> y(static_cast<std::size_t>(rows * matrix.outputs()));
  kernels::Workspace workspace;
  kernels::multiply(team, matrix, x.data(), rows, {y.data()}, workspace);
  return y;
}

// The same with the kernels of one instruction set.
std::vector<float> product(const kernels::Functions& table, const Matrix& matrix, const std::vector<float>& x,
                           int rows) {
  const int width = matrix.inputs();
  std::vector<std::int16_t> levels(x.size());
  std::vector<float> scales(x.size() / 32), sums(x.size() / 32);
  for (int row = 0; row < rows; ++row)
    table.quantize(x.data() + row * width, width, levels.data() + row * width,
                   scales.data() + row * (width / 32), sums.data() + row * (width / 32));
  const kernels::Activations activations{rows, x.data(), levels.data(), scales.data(), sums.data()};
  std::vector<float> y(static_cast<std::size_t>(rows * matrix.outputs()));
  for (int panel = 0; panel < matrix.panels(); ++panel)
    table.panel(matrix.panel(panel), activations, {y.data()});
  return y;
}

double largest_difference(const std::vector<double>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("a product is the sum of products, in every format and for any number of rows",
          "[kernels][multiply]") {
  kernels::Team team(2);
  for (const Format format : every_format) {
    const test::RandomMatrix random(format, outputs, inputs, 11);
    const Matrix matrix = Matrix::pack(team, random.view);
    for (const int rows : {1, 2, 3, 4, 5, 6, 7, 13}) {
      const auto x = test::random_floats(static_cast<std::size_t>(rows * inputs), 5);
      const auto y = product(team, matrix, x, rows);
      INFO(kernels::name_of(format) << ", " << rows << " rows");
      CHECK(largest_difference(expected(random, x, rows), y) < 5e-4);
    }
  }
}

TEST_CASE("a row's product is the same bit for bit in any company and on any team", "[kernels][multiply]") {
  kernels::Team alone(1);
  kernels::Team team(3);
  for (const Format format : every_format) {
    const test::RandomMatrix random(format, outputs, inputs, 12);
    const Matrix matrix = Matrix::pack(team, random.view);
    const int rows = 11;
    const auto x = test::random_floats(static_cast<std::size_t>(rows * inputs), 6);
    const auto together = product(team, matrix, x, rows);
    for (int row = 0; row < rows; ++row) {
      const auto from = x.begin() + row * inputs;
      const auto single = product(alone, matrix, std::vector<float>(from, from + inputs), 1);
      CHECK(std::equal(single.begin(), single.end(), together.begin() + row * outputs));
    }
  }
}

TEST_CASE("a row's product is the same bit for bit in any company, with every instruction set",
          "[kernels][multiply]") {
  kernels::Team team(1);
  constexpr int most_rows = 18;  // more than two tiles of any instruction set, and each number left over
  for (const kernels::Functions* table : kernels::available_functions())
    for (const Format format : every_format)
      for (const int width : {32, 96, 224}) {
        const test::RandomMatrix random(format, outputs, width, 17);
        const Matrix matrix = Matrix::pack(team, random.view);
        const auto x = test::random_floats(static_cast<std::size_t>(most_rows * width), 10);
        std::vector<float> alone;
        for (int row = 0; row < most_rows; ++row) {
          const auto from = x.begin() + row * width;
          const auto single = product(*table, matrix, std::vector<float>(from, from + width), 1);
          alone.insert(alone.end(), single.begin(), single.end());
        }
        CHECK(largest_difference(expected(random, x, most_rows), alone) < 1e-3);
        for (int rows = 2; rows <= most_rows; ++rows) {
          const auto together =
              product(*table, matrix, std::vector<float>(x.begin(), x.begin() + rows * width), rows);
          INFO(table->name << ", " << kernels::name_of(format) << ", " << width << " inputs, " << rows
                           << " rows");
          CHECK(std::equal(together.begin(), together.end(), alone.begin()));
        }
      }
}

TEST_CASE("every instruction set computes the same products", "[kernels][multiply]") {
  kernels::Team team(1);
  const auto tables = kernels::available_functions();
  for (const Format format : every_format)
    for (const int rows : {1, 5, 8, 11}) {
      const test::RandomMatrix random(format, outputs, inputs, 13);
      const Matrix matrix = Matrix::pack(team, random.view);
      const auto x = test::random_floats(static_cast<std::size_t>(rows * inputs), 7);
      const auto portable = product(*tables.front(), matrix, x, rows);
      for (const kernels::Functions* table : tables) {
        const auto y = product(*table, matrix, x, rows);
        INFO(table->name << ", " << kernels::name_of(format) << ", " << rows << " rows");
        for (std::size_t i = 0; i < y.size(); ++i)
          CHECK(y[i] == Approx(portable[i]).epsilon(1e-5).margin(1e-5));
      }
    }
}

TEST_CASE("a result is stored, added, or gated, with a bias", "[kernels][multiply]") {
  kernels::Team team(2);
  kernels::Workspace workspace;
  const int rows = 3;
  const auto x = test::random_floats(rows * inputs, 8);
  for (const Format format : every_format) {
    const test::RandomMatrix random(format, outputs, inputs, 14);
    const Matrix matrix = Matrix::pack(team, random.view);
    const auto plain = product(team, matrix, x, rows);
    std::vector<float> bias(static_cast<std::size_t>(matrix.panels() * kernels::panel_rows), 0.0F);
    for (int output = 0; output < outputs; ++output) bias[static_cast<std::size_t>(output)] = 0.5F;
    std::vector<float> y(static_cast<std::size_t>(rows * outputs), 2.0F);
    kernels::multiply(team, matrix, x.data(), rows, {y.data(), bias.data(), Then::add}, workspace);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(plain[i] + 2.5F).margin(1e-5));

    const test::RandomMatrix up(format, outputs, inputs, 15);
    const Matrix gated = Matrix::pack_gated(team, random.view, up.view);
    const auto other = product(team, Matrix::pack(team, up.view), x, rows);
    std::vector<float> mixed(static_cast<std::size_t>(rows * outputs));
    kernels::multiply(team, gated, x.data(), rows, {mixed.data(), nullptr, Then::gate}, workspace);
    for (std::size_t i = 0; i < y.size(); ++i)
      CHECK(mixed[i] == Approx(plain[i] / (1 + std::exp(-plain[i])) * other[i]).epsilon(1e-4).margin(1e-5));
  }
}

TEST_CASE("a NaN or an infinity in a row reaches all of that row's results and no others",
          "[kernels][multiply]") {
  kernels::Team team(2);
  for (const Format format : every_format)
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const test::RandomMatrix random(format, outputs, inputs, 16);
      auto x = test::random_floats(2 * inputs, 9);
      x[inputs + 40] = bad;
      const auto y = product(team, Matrix::pack(team, random.view), x, 2);
      CHECK(std::all_of(y.begin(), y.begin() + outputs, [](float v) { return std::isfinite(v); }));
      CHECK(std::none_of(y.begin() + outputs, y.end(), [](float v) { return std::isfinite(v); }));
    }
}
