// Tested by test/server/conversation/alignment_test.cpp.
#include "server/conversation/alignment.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace parley::conversation {
namespace {

bool continues_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Scripts without spaces between words (Chinese, Japanese, Thai, ...) start at three-byte sequences; there a
// cut may be anywhere.
bool is_wide(std::string_view utf8, std::size_t at) {
  return at < utf8.size() && static_cast<unsigned char>(utf8[at]) >= 0xE0U;
}

}  // namespace

void Alignment::mark(double audio_ms, std::uint32_t text_cursor) {
  const Mark last = marks_.empty() ? Mark{0, 0} : marks_.back();
  marks_.push_back(
      {std::max(last.audio_ms, static_cast<float>(audio_ms)), std::max(last.cursor, text_cursor)});
}

std::uint32_t Alignment::cursor_at(double audio_ms) const {
  const auto after =
      std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.audio_ms >= audio_ms; });
  if (after == marks_.end()) return marks_.empty() ? 0 : marks_.back().cursor;
  const Mark before = after == marks_.begin() ? Mark{0, 0} : *(after - 1);
  const double length = after->audio_ms - before.audio_ms;
  const double part = length > 0 ? std::clamp((audio_ms - before.audio_ms) / length, 0.0, 1.0) : 1.0;
  return before.cursor + static_cast<std::uint32_t>(std::floor(part * (after->cursor - before.cursor)));
}

std::size_t count_code_points(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return !continues_code_point(c); }));
}

std::string_view first_code_points(std::string_view utf8, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < utf8.size(); ++at) {
    if (!continues_code_point(utf8[at]) && seen++ == count) break;
  }
  return utf8.substr(0, at);
}

std::string spoken_words(std::string_view text, std::uint32_t cursor) {
  std::string_view spoken = first_code_points(text, cursor);
  const std::size_t cut = spoken.size();
  if (cut < text.size() && !is_space(text[cut]) && !is_wide(text, cut)) {
    while (!spoken.empty() && !is_space(spoken.back()) && static_cast<unsigned char>(spoken.back()) < 0x80U) {
      spoken.remove_suffix(1);
    }
  }
  if (cut < text.size()) {
    while (!spoken.empty() && is_space(spoken.back())) spoken.remove_suffix(1);
  }
  return std::string(spoken);
}

bool ends_sentence(std::string_view transcript) {
  static constexpr std::array<std::string_view, 10> closing = {" ", "\n", "\"", "'",  ")",
                                                               "]", "”",  "’",  "」", "）"};
  static constexpr std::array<std::string_view, 2> ellipsis = {"...", "…"};
  static constexpr std::array<std::string_view, 7> ends = {".", "?", "!", "。", "？", "！", "．"};
  const auto ends_in = [&](std::string_view mark) { return transcript.ends_with(mark); };
  for (auto mark = closing.begin(); mark != closing.end();) {
    mark = std::find_if(closing.begin(), closing.end(), ends_in);
    if (mark != closing.end()) transcript.remove_suffix(mark->size());
  }
  if (std::any_of(ellipsis.begin(), ellipsis.end(), ends_in)) return false;
  return std::any_of(ends.begin(), ends.end(), ends_in);
}

}  // namespace parley::conversation
