#include "engine/kernels/strips.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace parley::kernels {
namespace {

constexpr int inputs_at_once =
    512;  // panels of so many inputs: 64 KB at most, beside the strips in the L2 cache
constexpr int rows_at_once = 512;  // rows that meet a panel while it is there

// A panel group's columns of some rows.
struct Columns {
  float* values;  // of the first row and column
  int first = 0;
  int count = 0;
  int step = 0;  // from row to row
};

// What the sums start from.
void begin_rows(const Columns& columns, int rows, const Destination& to) {
  for (int row = 0; row < rows; ++row) {
    float* out = columns.values + static_cast<std::ptrdiff_t>(row) * columns.step;
    if (to.then == Then::store) {
      if (to.bias == nullptr)
        std::fill_n(out, columns.count, 0.0F);
      else
        std::copy_n(to.bias + columns.first, columns.count, out);
    } else if (to.bias != nullptr) {
      for (int i = 0; i < columns.count; ++i) out[i] += to.bias[columns.first + i];
    }
  }
}

struct Panels {  // of float32, `inputs` long
  const float* weights;
  std::ptrdiff_t step;
  int count;
  int inputs;
};

// A strip or a panel that is not whole: the tile is made elsewhere, and what exists of it copied.
void multiply_edge(const float* strip, const Panels& panels, const Columns& columns, int first, int rows) {
  constexpr int width = most_strip_panels * panel_rows;
  std::array<float, static_cast<std::size_t>(most_strip_rows) * width> tile{};
  for (int row = 0; row < rows; ++row)
    std::copy_n(columns.values + static_cast<std::ptrdiff_t>(first + row) * columns.step, columns.count,
                &tile[static_cast<std::size_t>(row) * width]);
  functions().strip(strip, panels.weights, panels.step, panels.count, panels.inputs,
                    {tile.data(), width, panel_rows});
  for (int row = 0; row < rows; ++row)
    std::copy_n(&tile[static_cast<std::size_t>(row) * width], columns.count,
                columns.values + static_cast<std::ptrdiff_t>(first + row) * columns.step);
}

}  // namespace

void Strips::resize(int rows, int inputs) {
  rows_ = rows;
  inputs_ = inputs;
  const std::size_t size = static_cast<std::size_t>(count()) * static_cast<std::size_t>(strip_rows_) *
                           static_cast<std::size_t>(inputs);
  if (numbers_.size() < size) numbers_.resize(size);
}

int Strips::rows_of(int strip) const { return std::min(strip_rows_, rows_ - first_row(strip)); }

void Strips::fill(int strip, const float* rows, std::ptrdiff_t step) {
  fill_strip(strip_rows_, rows, step, rows_of(strip), inputs_,
             numbers_.data() + static_cast<std::ptrdiff_t>(first_row(strip)) * inputs_);
}

void fill_strip(int strip_rows, const float* rows, std::ptrdiff_t step, int count, int inputs, float* out) {
  for (int input = 0; input < inputs; ++input, out += strip_rows) {
    for (int row = 0; row < count; ++row) out[row] = rows[row * step + input];
    for (int row = count; row < strip_rows; ++row) out[row] = 0.0F;
  }
}

void multiply(Team& team, const Matrix& matrix, const Strips& x, const Destination& to) {
  if (is_grouped(matrix.format()) || to.then == Then::gate)
    throw std::invalid_argument("products of strips take float matrices and are stored or added; got " +
                                std::string(name_of(matrix.format())) + ": use the product of multiply.hpp");
  if (x.inputs() != matrix.inputs())
    throw std::invalid_argument("strips of " + std::to_string(x.inputs()) +
                                " inputs cannot meet a matrix of " + std::to_string(matrix.inputs()));
  const Functions& kernel = functions();
  const int strips_at_once = std::max(1, rows_at_once / kernel.strip_rows);
  const int row_blocks = (x.count() + strips_at_once - 1) / strips_at_once;
  const int groups = (matrix.panels() + kernel.strip_panels - 1) / kernel.strip_panels;
  const int outputs = matrix.outputs(), inputs = matrix.inputs();
  team.run(row_blocks * groups, [&](int task, int) {
    const int first_panel = task % groups * kernel.strip_panels;
    const int panels = std::min(kernel.strip_panels, matrix.panels() - first_panel);
    const int first_strip = task / groups * strips_at_once;
    const int end_strip = std::min(x.count(), first_strip + strips_at_once);
    const int first_row = x.first_row(first_strip);
    const int rows = std::min(x.rows(), x.first_row(end_strip)) - first_row;
    const int column = first_panel * panel_rows;
    const Columns columns{
        .values = to.values + static_cast<std::ptrdiff_t>(first_row) * outputs + column,
        .first = column,
        .count = std::min(panels * panel_rows, outputs - column),
        .step = outputs,
    };
    const bool whole = columns.count == panels * panel_rows;
    begin_rows(columns, rows, to);

    alignas(64) std::array<float, static_cast<std::size_t>(most_strip_panels) * inputs_at_once * panel_rows>
        widened;  // NOLINT(cppcoreguidelines-pro-type-member-init): 64 KB that are written before they are
                  // read
    for (int first = 0; first < inputs; first += inputs_at_once) {
      Panels some{.weights = widened.data(),
                  .step = static_cast<std::ptrdiff_t>(inputs_at_once) * panel_rows,
                  .count = panels,
                  .inputs = std::min(inputs_at_once, inputs - first)};
      const auto at = static_cast<std::size_t>(first) * panel_rows;
      if (matrix.format() == Format::f32) {
        some.weights = reinterpret_cast<const float*>(matrix.panel(first_panel).weights) + at;
        some.step = static_cast<std::ptrdiff_t>(matrix.panel_bytes() / sizeof(float));
      } else {
        for (int panel = 0; panel < panels; ++panel)
          kernel.widen(matrix.format(),
                       matrix.panel(first_panel + panel).weights + at * sizeof(std::uint16_t),
                       some.inputs * panel_rows, widened.data() + panel * some.step);
      }
      for (int strip = first_strip; strip < end_strip; ++strip) {
        const float* numbers = x.strip(strip) + static_cast<std::ptrdiff_t>(first) * kernel.strip_rows;
        const int row = x.first_row(strip) - first_row;
        if (whole && x.rows_of(strip) == kernel.strip_rows)
          kernel.strip(numbers, some.weights, some.step, panels, some.inputs,
                       {columns.values + static_cast<std::ptrdiff_t>(row) * outputs, outputs, panel_rows});
        else
          multiply_edge(numbers, some, columns, row, x.rows_of(strip));
      }
    }
  });
}

}  // namespace parley::kernels
