// Text under rewriting that still knows where each of its code points came from, so that "two kilometers" can
// be traced back to the "2 km" that was written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/starter/phonemizer/pattern.hpp"

namespace parley::phonemizer {

class MappedText {
 public:
  explicit MappedText(std::u32string_view source) : text_(source) {
    ends_.reserve(source.size());
    for (std::uint32_t i = 0; i < source.size(); ++i) ends_.push_back(i + 1);
  }

  const std::u32string& text() const { return text_; }

  // Code points of the source that are spoken when code points [0, position) of the text are.
  std::uint32_t source_position(std::size_t position) const {
    return position == 0 ? 0 : ends_[position - 1];
  }

  // The new words take over the source of those they replace, evenly spread; the last ends where the old ones
  // did.
  void replace(Range range, std::u32string_view with) {
    if (text_.compare(range.begin, range.size(), with) == 0) return;
    std::uint32_t begin = source_position(range.begin);
    std::uint32_t length = source_position(range.end) - begin;
    std::vector<std::uint32_t> ends(with.size());
    for (std::size_t i = 0; i < with.size(); ++i)
      ends[i] = begin + static_cast<std::uint32_t>((i + 1) * length / with.size());
    auto at = [&](std::size_t position) { return ends_.begin() + static_cast<std::ptrdiff_t>(position); };
    ends_.insert(ends_.erase(at(range.begin), at(range.end)), ends.begin(), ends.end());
    text_.replace(range.begin, range.size(), with);
  }

 private:
  std::u32string text_;
  std::vector<std::uint32_t> ends_;  // [text], not falling
};

}  // namespace parley::phonemizer
