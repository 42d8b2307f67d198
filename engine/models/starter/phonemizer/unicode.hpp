// What the pronunciation rules need to know of Unicode: classes, case, digits and compatibility forms of the
// basic multilingual plane. Code points above it belong to no class and have no other form.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parley::phonemizer {

// Bits of one code point's class.
enum CharacterClass : std::uint8_t {
  alpha = 1,
  decimal = 2,       // 0-9 and their like in other scripts
  digit = 4,         // decimal, superscripts and circled digits
  alphanumeric = 8,  // alpha, digits and other numerals
  lower = 16,
  upper = 32,
  space = 64,
};

struct UnicodeTables {
  std::span<const std::uint8_t> classes;             // [65536]
  std::span<const std::uint32_t> lower, upper;       // pairs (code point, its other case), ascending
  std::span<const std::uint32_t> digits;             // pairs (code point, value 0-9), ascending
  std::span<const std::uint32_t> decomposed_points;  // ascending
  std::span<const std::uint32_t> decomposed_ends;
  std::span<const std::uint32_t> decomposed_text;
  std::span<const std::uint32_t> composed;  // triples (first, second, whole), ascending
};

// A view of the tables; thread-safe.
class Unicode {
 public:
  Unicode() = default;
  explicit Unicode(const UnicodeTables& tables) : tables_(tables) {}

  bool is(char32_t c, int classes) const {
    return c < tables_.classes.size() && (tables_.classes[c] & classes) != 0;
  }
  bool all(std::u32string_view text, int classes) const;  // false for ""

  bool is_letter(char32_t c) const {
    return is(c, alphanumeric) && !is(c, decimal);
  }  // what \w holds beside 0-9, _
  bool is_word(char32_t c) const { return c == U'_' || is(c, alphanumeric); }

  bool is_lower(std::u32string_view text) const;  // some cased letter, none of them upper case
  bool is_upper(std::u32string_view text) const;

  char32_t to_lower(char32_t c) const;
  char32_t to_upper(char32_t c) const;
  std::u32string to_lower(std::u32string_view text) const;
  std::u32string to_upper(std::u32string_view text) const;
  std::u32string capitalized(std::u32string_view text) const;  // first letter upper, the others lower

  std::optional<int> digit_value(char32_t c) const;

  // Normalisation form KC, for words: "ﬁ" -> "fi", "²" -> "2", e + combining acute -> "é".
  std::u32string compatible(std::u32string_view text) const;

 private:
  std::optional<char32_t> composed(char32_t first, char32_t second) const;

  UnicodeTables tables_;
};

inline bool in(std::u32string_view set, char32_t c) { return set.find(c) != std::u32string_view::npos; }
// Of Latin-1, as the voice's Python package tells letters from others.
inline bool is_latin_lower(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'ß' && c <= U'ÿ' && c != U'÷');
}
inline bool is_latin_upper(char32_t c) {
  return (c >= U'A' && c <= U'Z') || (c >= U'À' && c <= U'Þ' && c != U'×');
}

// UTF-8 to code points; ill-formed bytes become U+FFFD, one for each.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

}  // namespace parley::phonemizer
