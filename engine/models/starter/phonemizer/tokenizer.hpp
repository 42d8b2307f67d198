// Splits a sentence into words, punctuation and contractions as spaCy's English tokenizer does: table entries
// ("don't" -> "do" "n't") first, then prefixes and suffixes come off each chunk between spaces, then what is
// left is split at infixes; finally neighbours that together are a table entry are joined again ("Sept" "."
// -> "Sept.").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/models/starter/phonemizer/pattern.hpp"
#include "engine/models/starter/phonemizer/string_table.hpp"
#include "engine/models/starter/phonemizer/token.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {

class Tokenizer {
 public:
  // Each value of `exceptions` holds its pieces, separated by U+001F; together they are the key.
  Tokenizer(StringMap exceptions, Unicode unicode);

  // Tokens with text, space_after and end; `offset` is added to the ends.
  std::vector<Token> tokenize(std::u32string_view sentence, std::size_t offset = 0) const;

 private:
  using Pieces = std::vector<std::u32string>;

  Pieces split(std::u32string_view chunk) const;
  Pieces split_at_infixes(std::u32string_view text) const;
  Pieces join_exceptions(const Pieces& pieces) const;

  std::optional<Pieces> exception(std::u32string_view text) const;
  std::size_t prefix_length(std::u32string_view text) const;
  std::size_t suffix_length(std::u32string_view text) const;
  std::size_t infix_length(std::u32string_view text, std::size_t at) const;

  StringMap exceptions_;
  Unicode unicode_;
  Pattern address_;  // URLs and mail addresses stay whole
};

}  // namespace parley::phonemizer
