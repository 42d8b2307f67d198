// Part-of-speech tagger (Penn Treebank tags): an averaged perceptron over a window of two words each side. A
// word that nearly always has one tag is answered from a list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/models/starter/phonemizer/string_table.hpp"
#include "engine/models/starter/phonemizer/token.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {

struct TaggerTables {
  std::vector<std::string> tags;
  StringTable words;                        // those with one tag
  std::span<const std::uint8_t> word_tags;  // [words], index into tags
  StringTable frequent;                     // words that features name as they are; others by their shape
  StringTable features;
  std::span<const std::uint32_t>
      row_ends;  // [features]: weights of feature i are rows [row_ends[i-1], row_ends[i])
  std::span<const std::uint8_t> weight_tags;
  std::span<const std::int16_t> weight_tenths;
};

class Tagger {
 public:
  Tagger(TaggerTables tables, Unicode unicode);

  // Fills in Token::tag, left to right.
  void tag(std::vector<Token>& tokens) const;

 private:
  std::string context_form(std::u32string_view word) const;
  std::string shape(std::u32string_view word) const;
  std::size_t predict(const std::vector<std::string>& features) const;

  TaggerTables tables_;
  Unicode unicode_;
  std::vector<int> rank_;  // [tags] by name: the later name wins a tie
  std::size_t noun_;
};

}  // namespace parley::phonemizer
