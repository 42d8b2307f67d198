#include "engine/kernels/strips.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "test/engine/kernels/random_matrix.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using kernels::Format;
using kernels::Matrix;
using kernels::Strips;
using kernels::Then;

namespace {

constexpr std::array float_formats{Format::f32, Format::f16, Format::bf16};
constexpr int strip_inputs = 531;   // more than a product takes at once, and no multiple of anything
constexpr int strip_outputs = 100;  // neither whole panels nor an even number of them

Strips strips_of(const std::vector<float>& x, int rows) {
  Strips strips;
  strips.resize(rows, strip_inputs);
  for (int i = 0; i < strips.count(); ++i)
    strips.fill(i, x.data() + strips.first_row(i) * strip_inputs, strip_inputs);
  return strips;
}

std::vector<float> strip_product(kernels::Team& team, const Matrix& matrix, const std::vector<float>& x,
                                 int rows) {
  std::vector<float> y(static_cast<std::size_t>(rows * matrix.outputs()), 7.0F);
  kernels::multiply(team, matrix, strips_of(x, rows), {y.data()});
  return y;
}

// The sum of products, and the sum of their sizes.
std::array<double, 2> exact(const test::RandomMatrix& random, const std::vector<float>& x, int row,
                            int output) {
  std::array<double, 2> sums{};
  for (int i = 0; i < strip_inputs; ++i) {
    const double some = static_cast<double>(x[static_cast<std::size_t>(row * strip_inputs + i)]) *
                        random.values[static_cast<std::size_t>(output * strip_inputs + i)];
    sums[0] += some;
    sums[1] += std::fabs(some);
  }
  return sums;
}

}  // namespace

TEST_CASE("a product of strips is the sum of products, in every float format and for any number of rows",
          "[kernels][strips]") {
  kernels::Team team(2);
  for (const Format format : float_formats) {
    const test::RandomMatrix random(format, strip_outputs, strip_inputs, 21);
    const Matrix matrix = Matrix::pack(team, random.view);
    for (const int rows : {1, 5, 6, 14, 15, 29, 600}) {
      const auto x = test::random_floats(static_cast<std::size_t>(rows * strip_inputs), 3);
      const auto y = strip_product(team, matrix, x, rows);
      double largest = 0;
      for (int row = 0; row < rows; row += std::max(1, rows / 7))
        for (int output = 0; output < strip_outputs; ++output) {
          const auto [sum, size] = exact(random, x, row, output);
          largest = std::max(
              largest, std::fabs(y[static_cast<std::size_t>(row * strip_outputs + output)] - sum) / size);
        }
      INFO(kernels::name_of(format) << ", " << rows << " rows");
      CHECK(largest < 1e-6);
    }
  }
}

TEST_CASE("a row's product of strips is the same bit for bit in any company and on any team",
          "[kernels][strips]") {
  kernels::Team alone(1);
  kernels::Team team(3);
  for (const Format format : float_formats) {
    const test::RandomMatrix random(format, strip_outputs, strip_inputs, 22);
    const Matrix matrix = Matrix::pack(team, random.view);
    const int rows = 31;
    const auto x = test::random_floats(static_cast<std::size_t>(rows * strip_inputs), 4);
    const auto together = strip_product(team, matrix, x, rows);
    for (int row = 0; row < rows; ++row) {
      const auto from = x.begin() + row * strip_inputs;
      const auto single = strip_product(alone, matrix, std::vector<float>(from, from + strip_inputs), 1);
      CHECK(std::equal(single.begin(), single.end(), together.begin() + row * strip_outputs));
    }
  }
}

TEST_CASE("a product of strips is stored or added, with a bias", "[kernels][strips]") {
  kernels::Team team(2);
  const int rows = 17;
  const auto x = test::random_floats(static_cast<std::size_t>(rows * strip_inputs), 5);
  const test::RandomMatrix random(Format::bf16, strip_outputs, strip_inputs, 23);
  const Matrix matrix = Matrix::pack(team, random.view);
  const auto plain = strip_product(team, matrix, x, rows);
  std::vector<float> bias(static_cast<std::size_t>(matrix.panels() * kernels::panel_rows), 0.5F);
  std::vector<float> y(plain.size(), 2.0F);
  kernels::multiply(team, matrix, strips_of(x, rows), {y.data(), bias.data(), Then::add});
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(plain[i] + 2.5F).margin(1e-4));
  kernels::multiply(team, matrix, strips_of(x, rows), {y.data(), bias.data(), Then::store});
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(plain[i] + 0.5F).margin(1e-4));
}

TEST_CASE("strips refuse grouped weights and other widths", "[kernels][strips]") {
  kernels::Team team(1);
  std::vector<float> y(strip_outputs);
  const auto x = test::random_floats(strip_inputs, 6);
  const test::RandomMatrix grouped(Format::groups8, strip_outputs, 512, 24),
      narrow(Format::f32, strip_outputs, 64, 25);
  CHECK_THROWS_AS(kernels::multiply(team, Matrix::pack(team, grouped.view), strips_of(x, 1), {y.data()}),
                  std::invalid_argument);
  CHECK_THROWS_AS(kernels::multiply(team, Matrix::pack(team, narrow.view), strips_of(x, 1), {y.data()}),
                  std::invalid_argument);
}

TEST_CASE("every instruction set multiplies strips by one panel and by several", "[kernels][strips]") {
  constexpr int length = 37, width = kernels::panel_rows;
  for (const kernels::Functions* table : kernels::available_functions())
    for (int panels = 1; panels <= table->strip_panels; ++panels) {
      INFO(table->name << ", " << panels << " panels");
      const int rows = table->strip_rows;
      const auto x = test::random_floats(static_cast<std::size_t>(rows * length), 7),
                 w = test::random_floats(static_cast<std::size_t>(panels * length * width), 8);
      std::vector<float> strip(x.size()), y(static_cast<std::size_t>(rows * panels * width), 1.0F);
      kernels::fill_strip(rows, x.data(), length, rows, length, strip.data());
      table->strip(strip.data(), w.data(), length * width, panels, length,
                   {y.data(), width, static_cast<std::ptrdiff_t>(rows) * width});
      for (int panel = 0; panel < panels; ++panel)
        for (int row = 0; row < rows; ++row)
          for (int column = 0; column < width; ++column) {
            double sum = 1;
            for (int i = 0; i < length; ++i)
              sum += static_cast<double>(x[static_cast<std::size_t>(row * length + i)]) *
                     w[static_cast<std::size_t>((panel * length + i) * width + column)];
            CHECK(y[static_cast<std::size_t>((panel * rows + row) * width + column)] ==
                  Approx(sum).margin(1e-5));
          }
    }
}

TEST_CASE("the softmax of columns is that of each column by itself", "[kernels][strips]") {
  constexpr int count = 21, width = kernels::panel_rows;
  const auto scores = test::random_floats(static_cast<std::size_t>(count * width), 9, 20.0F);
  for (const kernels::Functions* table : kernels::available_functions()) {
    INFO(table->name);
    auto weights = scores;
    table->softmax_columns(weights.data(), count);
    for (std::size_t column = 0; column < width; ++column) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i)
        sum += std::exp(static_cast<double>(scores[i * width + column]));
      for (std::size_t i = 0; i < count; ++i)
        CHECK(weights[i * width + column] ==
              Approx(std::exp(static_cast<double>(scores[i * width + column])) / sum).margin(1e-6));
    }
  }
}
