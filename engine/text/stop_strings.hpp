// Finds where an answer's text says one of the strings that end it, while the text comes in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley::text {

// One answer's state. Text comes out as soon as it can be no part of a stop string, in whole characters when
// it came in such; the stop string itself and what follows it never do.
class StopStrings {
 public:
  // Empty strings are never found.
  explicit StopStrings(std::vector<std::string> strings);

  struct Piece {
    std::string text;
    bool stopped = false;
    std::string after;  // with stopped: what came behind the stop string
  };
  // After a stop nothing comes out any more.
  Piece push(std::string_view text);
  std::string finish();  // what waited, being the beginning of a stop string that did not come

  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> strings_;
  std::string waiting_;
  bool stopped_ = false;
};

}  // namespace parley::text
