// How words are read: two dictionaries (checked by hand, and not), part of speech, the word that follows, and
// the endings -s, -ed and -ing. The rules are those of the English voice's own training (misaki).
//
// Tested by phonemizer_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/models/starter/phonemizer/string_table.hpp"
#include "engine/models/starter/phonemizer/token.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {

// What a reading needs to know of the words after it.
struct ReadingContext {
  std::optional<bool> vowel_follows;  // empty: a pause or the end follows
  bool to_follows = false;
};

class Lexicon {
 public:
  // Values: phonemes, or U+001F-led parts `TAG=phonemes` (without `=`: no reading under that tag).
  Lexicon(StringMap gold, StringMap silver, Unicode unicode);

  // A word, contraction part, abbreviation or number; nothing when it cannot be read.
  std::optional<Phonemes> read(const Token& token, const ReadingContext& context) const;

  // Digits with separators; glued to a preceding token (`starts_word` false) they are read in groups, as in
  // "B-52".
  std::optional<Phonemes> read_number(std::u32string_view word, char32_t currency, bool starts_word) const;

  static bool is_currency(char32_t sign) { return sign == U'$' || sign == U'£' || sign == U'€'; }

 private:
  using Reading = std::optional<Phonemes>;
  struct Query {
    std::string_view tag;
    std::optional<float> stress;
    const ReadingContext* context = nullptr;  // none: inside a number
  };

  Reading word(std::u32string_view word, const Query& query) const;
  Reading special_case(std::u32string_view word, const Query& query) const;
  Reading look_up(std::u32string_view word, const Query& query) const;
  Reading spelled(std::u32string_view letters) const;  // "NATO" letter by letter, stress on the last
  Reading plural(std::u32string_view word, const Query& query) const;
  Reading past(std::u32string_view word, const Query& query) const;
  Reading gerund(std::u32string_view word, const Query& query) const;

  // The dictionary's value; a word written with or without its capital finds the other form.
  static std::optional<std::string_view> find(const StringMap& dictionary, std::u32string_view word,
                                              const Unicode& unicode);
  bool in_gold(std::u32string_view word) const { return find(gold_, word, unicode_).has_value(); }
  bool in_silver(std::u32string_view word) const { return find(silver_, word, unicode_).has_value(); }
  bool known(std::u32string_view word) const;

  bool is_number(std::u32string_view word, bool starts_word) const;
  Phonemes number_words(std::string_view words) const;

  StringMap gold_;
  StringMap silver_;
  Unicode unicode_;
};

// Endings as they sound after a stem.
Phonemes with_s(Phonemes stem);
Phonemes with_ed(Phonemes stem);
Phonemes with_ing(Phonemes stem);

}  // namespace parley::phonemizer
