// Tested by test/engine/text/stop_strings_test.cpp.
#include "engine/text/stop_strings.hpp"

#include <algorithm>
#include <utility>

namespace parley::text {
namespace {

// How much of the text's end may become `string`.
std::size_t unfinished(std::string_view text, std::string_view string) {
  for (std::size_t size = std::min(text.size(), string.size() - 1); size > 0; --size)
    if (string.starts_with(text.substr(text.size() - size))) return size;
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, "");
}

StopStrings::Piece StopStrings::push(std::string_view text) {
  Piece piece;
  piece.stopped = stopped_;
  if (stopped_) return piece;
  waiting_ += text;
  std::size_t first = std::string::npos;
  std::size_t size = 0;
  std::size_t held = 0;
  for (const std::string& string : strings_) {
    const std::size_t at = waiting_.find(string);
    if (at < first || (at == first && at != std::string::npos && string.size() > size)) {
      first = at;
      size = string.size();
    }
    held = std::max(held, unfinished(waiting_, string));
  }
  if (first != std::string::npos) {
    piece.text = waiting_.substr(0, first);
    piece.after = waiting_.substr(first + size);
    piece.stopped = stopped_ = true;
    waiting_.clear();
    return piece;
  }
  piece.text = waiting_.substr(0, waiting_.size() - held);
  waiting_.erase(0, waiting_.size() - held);
  return piece;
}

std::string StopStrings::finish() { return std::exchange(waiting_, {}); }

}  // namespace parley::text
