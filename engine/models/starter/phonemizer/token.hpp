// One token on its way from text to phonemes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace parley::phonemizer {

using Phonemes = std::u32string;  // one code point a phoneme or stress mark, in the voice's alphabet

struct Token {
  std::u32string text;
  std::string tag;  // Penn Treebank
  bool space_after = false;
  std::size_t end = 0;  // code points of the sentence up to the token's end
  std::optional<Phonemes> phonemes;
  bool starts_word = true;              // false: glued to the token before it
  std::optional<std::u32string> alias;  // read this instead of the text
  char32_t currency = 0;                // the sign that stood before this amount
  bool spaced = false;  // its phonemes are set apart from those before, though the text is not
};

}  // namespace parley::phonemizer
