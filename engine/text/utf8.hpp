// UTF-8 that may be broken, read as Unicode recommends (chapter 3.9, "maximal subparts"): what cannot be the
// beginning of a character is one U+FFFD, and so is a beginning that goes on wrongly.
#pragma once

#include <string>
#include <string_view>

namespace parley::text {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Unit {
  enum class State { whole, broken, unfinished };  // unfinished: the text ends within a character

  std::size_t size;  // bytes; those of a broken unit make one U+FFFD
  State state;
  char32_t code_point;  // of a whole one
};

// What a text that is not empty begins with.
Utf8Unit first_unit(std::string_view text);

// Appends the text to `out` up to where it ends within a character; returns how many bytes were read. All but
// the last 3 bytes always are.
std::size_t append_whole_characters(std::string_view text, std::string& out);

bool is_utf8(std::string_view text);
std::string repaired_utf8(std::string_view text);

void append_utf8(char32_t code_point, std::string& out);

}  // namespace parley::text
