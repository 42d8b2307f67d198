#include "engine/step_prices.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace parley::engine {
namespace {

constexpr double newest_weight = 0.2;      // of a measurement against what was known
constexpr double unknown_ms_a_unit = 0.5;  // nothing was ever measured: cautious enough for a laptop

// The index of the smallest power of two that holds `n`.
int power_of_two(int n, int size) {
  return std::min<int>(std::bit_width(static_cast<unsigned>(std::max(n, 1) - 1)), size - 1);
}

}  // namespace

void StepPrices::measured(WorkKind kind, int batch, int units, double ms) {
  double rate = std::max(ms, 1e-6) / std::max(units, 1);
  double& known =
      ms_per_unit_[static_cast<int>(kind)][power_of_two(batch, batch_sizes)][power_of_two(units, lengths)];
  known = known == 0 ? rate : known + newest_weight * (rate - known);
}

double StepPrices::cost(WorkKind kind, int batch, int units) const {
  const auto& rows = ms_per_unit_[static_cast<int>(kind)];
  const int size = power_of_two(batch, batch_sizes);
  const int length = power_of_two(units, lengths);
  // Nearest batch first, then nearest length. A larger batch than any measured is assumed to gain nothing
  // from sharing; one measured larger is an upper bound for the smaller.
  for (int away = 0; away < batch_sizes; ++away) {
    for (int row : {size - away, size + away}) {
      if (row < 0 || row >= batch_sizes) continue;
      for (int off = 0; off < lengths; ++off) {
        for (int column : {length + off, length - off}) {
          if (column < 0 || column >= lengths || rows[row][column] == 0) continue;
          double sharing = row < size ? std::ldexp(1.0, size - row) : 1.0;
          return rows[row][column] * sharing * std::max(units, 1);
        }
      }
    }
  }
  return unknown_ms_a_unit * std::max(units, 1) * batch;
}

int StepPrices::units_within(WorkKind kind, int batch, int available, double budget_ms, int smallest) const {
  if (available <= smallest || cost(kind, batch, available) <= budget_ms) return available;
  for (int units = static_cast<int>(std::bit_floor(static_cast<unsigned>(available))); units > smallest;
       units /= 2) {
    if (units < available && cost(kind, batch, units) <= budget_ms) return units;
  }
  return smallest;
}

}  // namespace parley::engine
