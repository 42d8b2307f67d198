#include "engine/kernels/multiply.hpp"

#include <algorithm>

namespace parley::kernels {
namespace {

// From so many rows on it pays to prepare them on several threads.
constexpr int rows_worth_sharing = 8;

// A task reads about this much of a matrix: long enough to be worth taking, short enough that the threads end
// together and that an interrupted one holds up little.
constexpr std::size_t task_bytes = 12 * 1024;

int panels_a_task(const Matrix& matrix, int rows) {
  const auto wanted = static_cast<int>(task_bytes / matrix.panel_bytes()) / std::max(1, rows / 4);
  return std::max(1, wanted);
}

}  // namespace

Activations Workspace::prepare(Team& team, Format format, const float* x, int rows, int inputs) {
  Activations activations{.rows = rows};
  if (!is_grouped(format)) {
    activations.floats = x;
    return activations;
  }
  const std::size_t groups = static_cast<std::size_t>(rows) * static_cast<std::size_t>(inputs / group_size);
  if (levels_.size() < groups * group_size) levels_.resize(groups * group_size);
  if (scales_.size() < groups) scales_.resize(groups);
  if (sums_.size() < groups) sums_.resize(groups);
  const Functions& kernel = functions();
  const auto prepare_row = [&](int row, int) {
    const std::ptrdiff_t group = static_cast<std::ptrdiff_t>(row) * (inputs / group_size);
    kernel.quantize(x + static_cast<std::ptrdiff_t>(row) * inputs, inputs,
                    levels_.data() + group * group_size, scales_.data() + group, sums_.data() + group);
  };
  if (rows >= rows_worth_sharing)
    team.run(rows, prepare_row);
  else
    for (int row = 0; row < rows; ++row) prepare_row(row, 0);
  activations.levels = levels_.data();
  activations.scales = scales_.data();
  activations.sums = sums_.data();
  return activations;
}

void multiply(Team& team, const Matrix& matrix, const float* x, int rows, const Destination& to,
              Workspace& workspace) {
  if (rows == 0 || matrix.panels() == 0) return;
  const Activations activations = workspace.prepare(team, matrix.format(), x, rows, matrix.inputs());
  const Functions& kernel = functions();
  const int together = panels_a_task(matrix, rows);
  const int tasks = (matrix.panels() + together - 1) / together;
  team.run(tasks, [&](int task, int) {
    const int end = std::min(matrix.panels(), (task + 1) * together);
    for (int panel = task * together; panel < end; ++panel)
      kernel.panel(matrix.panel(panel), activations, to);
  });
}

}  // namespace parley::kernels
