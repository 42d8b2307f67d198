// Unicode's data for canonical composition; scripts/make_normalization_tables.py writes the tables.
#pragma once

#include <span>

namespace parley::text {

struct Decomposition {
  char32_t whole, first, second;  // second is 0 where one character stands for another
  bool composes;                  // first and second become the whole in form C
};

struct CombiningRun {
  char32_t first, last;
  int order;  // Canonical_Combining_Class, 1-254
};

std::span<const Decomposition> decompositions();  // by `whole`, ascending; a part may decompose again
std::span<const CombiningRun> combining_runs();   // ascending; all other characters have order 0

}  // namespace parley::text
