// Rewrites what is not spelled as it is said, before tokenizing: times, dates, units, abbreviations, titles,
// currencies other than plain $, £ and €, fractions, ranges, Roman numerals, symbols. Plain numbers stay: the
// lexicon reads them.
//
//   "Dr. Smith left at 7:05pm"  ->  "Dr Smith left at seven oh five P.M."
//   "It weighs 5 kg"            ->  "It weighs 5 kilograms"
//
// Tested by phonemizer_test.cpp.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/models/starter/phonemizer/mapped_text.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {

using Plural = std::pair<std::u32string, std::u32string>;  // one, many

// `normalize` in the bundle's pronunciation.json.
struct NormalizerTables {
  std::map<std::u32string, std::u32string> months;  // "jan" -> "January"
  std::map<std::u32string, std::u32string> titles;  // "St" -> "Saint", before a capital letter
  std::map<std::u32string, std::u32string> abbreviations;
  std::map<std::u32string, Plural> units;
  std::map<std::u32string, Plural> currency;
  std::vector<std::pair<std::u32string, std::u32string>> symbols;  // applied in this order
  std::vector<std::u32string> roman_cardinal;                      // "Chapter" IV -> 4
  std::vector<std::u32string> roman_ordinal;                       // "Henry" VIII -> the eighth
};

class Normalizer {
 public:
  Normalizer(NormalizerTables tables, Unicode unicode);

  MappedText normalize(std::u32string_view text) const;

 private:
  // Nothing: the match stays as it is.
  using Rewrite = std::function<std::optional<std::u32string>(const Match&)>;
  struct Rule {
    Pattern pattern;
    Rewrite rewrite;
  };

  void add(std::u32string_view pattern, Rewrite rewrite);
  void add_clock_and_calendar();
  void add_money_and_measures();
  void add_abbreviations();
  void add_numerals();
  void add_symbols();

  std::u32string month_pattern() const;
  std::u32string month_name(std::u32string_view month) const;
  std::u32string amount(std::u32string_view number, const Plural& unit) const;
  int number(std::u32string_view digits) const;

  static void apply(const Rule& rule, MappedText& text);

  NormalizerTables tables_;
  Unicode unicode_;
  std::vector<Rule> rules_;    // in order
  std::vector<Rule> closing_;  // spaces, after everything else
};

}  // namespace parley::phonemizer
