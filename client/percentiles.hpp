// Percentiles of what was measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace parley::client {

// The smallest value that at least `share` of all values do not exceed (nearest rank): always one that was
// really measured. `share` is above 0, at most 1. Empty without values.
inline std::optional<double> percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-9));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace parley::client
