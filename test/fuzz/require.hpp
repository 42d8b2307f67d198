// An invariant of a fuzz target: broken, it is said in words and ends the process, as a sanitizer would.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace parley::fuzz {

inline void require(bool holds, std::string_view rule) {
  if (holds) return;
  std::fprintf(stderr, "broken rule: %.*s\n", static_cast<int>(rule.size()), rule.data());
  std::abort();
}

}  // namespace parley::fuzz
