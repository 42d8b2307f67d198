// Cuts text into the words that are merged each for itself ("pre_tokenizer" in tokenizer.json).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/pattern.hpp"

namespace parley::text {

// One cut after the other, each within the pieces that the one before left: a piece ends where a pattern
// looks ahead. Immutable.
class WordSplitter {
 public:
  struct Step {
    bool leading_space = false;      // pieces that begin with no space are given one, first of all
    std::optional<Pattern> pattern;  // what it finds is a piece
    bool keep_rest = true;           // and what is between, too
  };

  explicit WordSplitter(std::vector<Step> steps) : steps_(std::move(steps)) {}

  // The scratch memory of one thread.
  class Words {
   public:
    explicit Words(const WordSplitter& splitter);

    // The words of valid UTF-8, until the next call; none is empty.
    const std::vector<std::string_view>& of(std::string_view text);

   private:
    void cut(const Step& step, Pattern::Search& search, std::string_view piece);

    const WordSplitter* splitter_;
    std::vector<std::optional<Pattern::Search>> searches_;  // of each step
    std::vector<std::string_view> pieces_, next_pieces_;
    std::deque<std::string> spaced_;  // pieces that were given a space
  };

 private:
  std::vector<Step> steps_;
};

}  // namespace parley::text
