// Whether speech tokens are the reference's, up to digits that are as good as ties.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "test/support/catch.hpp"

namespace parley::test {

// levels: [tokens, 8] of what was found, before rounding. A digit may differ from the reference's where its
// level is within `margin` of a tie.
inline void check_tokens(std::span<const int> found, std::span<const float> levels,
                         std::span<const int> expected, float margin) {
  REQUIRE(found.size() == expected.size());
  REQUIRE(levels.size() == 8 * found.size());
  for (std::size_t token = 0; token < found.size(); ++token) {
    int ours = found[token], theirs = expected[token];
    for (std::size_t place = 0; place < 8; ++place, ours /= 3, theirs /= 3) {
      const float level = levels[8 * token + place];
      INFO("token " << token << ", digit " << place << ", level " << level);
      CHECK((ours % 3 == theirs % 3 || std::abs(std::abs(level) - 0.5F) < margin));
    }
    CHECK(ours == 0);
  }
}

}  // namespace parley::test
