// Where a command writes: results for whoever asked, and what went on meanwhile.
#pragma once

#include <ostream>

namespace parley::commands {

struct Console {
  std::ostream& out;  // results: safe to pipe into another program
  std::ostream& err;  // progress, warnings, errors
  bool live = false;  // err is a terminal: a line may be written over
};

}  // namespace parley::commands
