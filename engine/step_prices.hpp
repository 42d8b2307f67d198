// What a pass costs, learnt by measuring: a moving estimate of the time a unit takes, for each kind of work,
// batch size and length of piece. Costs are far from linear (a prefill of 8 tokens reads all weights, like
// one of 64), so each power of two of batch and length has its own estimate; one that was never measured
// borrows its nearest neighbour's.
#pragma once

#include <array>

#include "engine/speech_model.hpp"

namespace parley::engine {

class StepPrices {
 public:
  // A pass of `batch` turns, `units` done for each, took `ms`.
  void measured(WorkKind kind, int batch, int units, double ms);

  // The time such a pass will take, ms.
  double cost(WorkKind kind, int batch, int units) const;

  // The most units, up to `available`, that a pass does within `budget_ms`; at least min(smallest,
  // available).
  int units_within(WorkKind kind, int batch, int available, double budget_ms, int smallest) const;

 private:
  static constexpr int batch_sizes = 11;    // 1, 2, 4, ... 1024
  static constexpr int lengths = 16;        // 1, 2, 4, ... 32768
  using Row = std::array<double, lengths>;  // ms a unit; 0: never measured
  std::array<std::array<Row, batch_sizes>, work_kinds> ms_per_unit_{};
};

}  // namespace parley::engine
