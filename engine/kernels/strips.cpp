#include "engine/kernels/strips.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace parley::kernels {
namespace {

// So many inputs of so many rows, 512 KB, stay in a core's second cache while one group of panels after the
// other, 64 KB each, passes by. Without rows of 5,120 inputs came from further away, at two thirds of the
// speed.
constexpr int inputs_at_once = 512;
constexpr int rows_at_once = 256;

// Enough tasks that the threads end together, and few, for in each of them the rows are fetched anew.
constexpr int tasks_a_thread = 4;

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

struct StripRange {
  int first, end;
};

std::size_t number_bytes(const Matrix& matrix) {
  return matrix.format() == Format::f32 ? sizeof(float) : sizeof(std::uint16_t);
}

// Asks for one of `parts` parts of the weights that the panels from `first_panel` on multiply `inputs` inputs
// with: they come from memory while others are at work.
void fetch_ahead(const Matrix& matrix, int first_panel, int first_input, int inputs, int part, int parts) {
  constexpr std::size_t line = 64;
  const std::size_t input_bytes = panel_rows * number_bytes(matrix);
  const std::size_t lines = (static_cast<std::size_t>(inputs) * input_bytes + line - 1) / line;
  const auto count = static_cast<std::size_t>(parts), index = static_cast<std::size_t>(part);
  const int end_panel = std::min(matrix.panels(), first_panel + functions().strip_panels);
  for (int panel = first_panel; panel < end_panel; ++panel) {
    const std::byte* weights =
        matrix.panel(panel).weights + static_cast<std::size_t>(first_input) * input_bytes;
    for (std::size_t at = lines * index / count; at < lines * (index + 1) / count; ++at)
      __builtin_prefetch(weights + at * line, /*write=*/0, /*locality: the second cache=*/2);
  }
}

// Some strips times one group of panels, `inputs_at_once` inputs from `first_input` on.
void multiply_block(const Matrix& matrix, const Strips& x, const Destination& to, const StripRange& strips,
                    int group, int first_input) {
  const Functions& kernel = functions();
  const int first_panel = group * kernel.strip_panels;
  const int outputs = matrix.outputs(), column = first_panel * panel_rows;
  Panels panels{.weights = nullptr,
                .step = 0,
                .count = std::min(kernel.strip_panels, matrix.panels() - first_panel),
                .inputs = std::min(inputs_at_once, matrix.inputs() - first_input)};
  const int first_row = x.first_row(strips.first);
  const Columns columns{
      .values = to.values + static_cast<std::ptrdiff_t>(first_row) * outputs + column,
      .first = column,
      .count = std::min(panels.count * panel_rows, outputs - column),
      .step = outputs,
  };
  if (first_input == 0) begin_rows(columns, std::min(x.rows(), x.first_row(strips.end)) - first_row, to);

  alignas(64) std::array<float, static_cast<std::size_t>(most_strip_panels) * inputs_at_once * panel_rows>
      widened;  // written before it is read
  const auto at = static_cast<std::size_t>(first_input) * panel_rows;
  if (matrix.format() == Format::f32) {
    panels.weights = reinterpret_cast<const float*>(matrix.panel(first_panel).weights) + at;
    panels.step = static_cast<std::ptrdiff_t>(matrix.panel_bytes() / sizeof(float));
  } else {
    panels.weights = widened.data();
    panels.step = static_cast<std::ptrdiff_t>(inputs_at_once) * panel_rows;
    for (int panel = 0; panel < panels.count; ++panel)
      kernel.widen(matrix.format(), matrix.panel(first_panel + panel).weights + at * number_bytes(matrix),
                   panels.inputs * panel_rows, widened.data() + panel * panels.step);
  }
  for (int strip = strips.first; strip < strips.end; ++strip) {
    fetch_ahead(matrix, first_panel + kernel.strip_panels, first_input, panels.inputs, strip - strips.first,
                strips.end - strips.first);
    const float* numbers = x.strip(strip) + static_cast<std::ptrdiff_t>(first_input) * kernel.strip_rows;
    const int row = x.first_row(strip) - first_row;
    if (columns.count == panels.count * panel_rows && x.rows_of(strip) == kernel.strip_rows)
      kernel.strip(numbers, panels.weights, panels.step, panels.count, panels.inputs,
                   {columns.values + static_cast<std::ptrdiff_t>(row) * outputs, outputs, panel_rows});
    else
      multiply_edge(numbers, panels, columns, row, x.rows_of(strip));
  }
}

int divide_up(int a, int b) { return (a + b - 1) / b; }

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
  if (x.rows() == 0 || matrix.panels() == 0) return;
  const Functions& kernel = functions();
  const int most_strips = std::max(1, rows_at_once / kernel.strip_rows);
  const int row_blocks = divide_up(x.count(), most_strips), strips = divide_up(x.count(), row_blocks);
  const int groups = divide_up(matrix.panels(), kernel.strip_panels);
  const int groups_a_task =
      std::max(1, groups * row_blocks / std::max(row_blocks, tasks_a_thread * team.size()));
  const int column_blocks = divide_up(groups, groups_a_task);
  team.run(row_blocks * column_blocks, [&](int task, int) {
    const int first_strip = task / column_blocks * strips,
              end_strip = std::min(x.count(), first_strip + strips);
    const int first_group = task % column_blocks * groups_a_task;
    const int end_group = std::min(groups, first_group + groups_a_task);
    for (int first = 0; first < matrix.inputs(); first += inputs_at_once)
      for (int group = first_group; group < end_group; ++group)
        multiply_block(matrix, x, to, {first_strip, end_strip}, group, first);
  });
}

}  // namespace parley::kernels
