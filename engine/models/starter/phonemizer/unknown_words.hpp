// Reads words that no dictionary has: a small transformer over the letters (128 wide, 4 layers, 0.65 M
// parameters) that gives each letter four slots for phonemes. The answer is read off as in CTC: repeats
// collapse, blanks drop. Plain C++, a few milliseconds a word; answers are remembered.
//
// Tested by phonemizer_test.cpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/models/starter/phonemizer/token.hpp"

namespace parley::phonemizer {

struct UnknownWordsTables {
  using Weights = std::span<const float>;
  struct Linear {
    Weights weight;  // [in, out]
    Weights bias;    // [out]
  };
  struct Norm {
    Weights weight, bias;
  };
  struct Layer {
    Norm norm1, norm2;
    Linear in_proj;  // q, k, v
    Linear out_proj;
    Linear linear1, linear2;
  };

  std::u32string letters;   // letter i is row i + 1 of emb
  std::u32string phonemes;  // phoneme i is class i + 1; class 0 is blank
  int slots = 0;            // a letter
  std::size_t longest = 0;  // letters read of a word
  std::size_t heads = 0;
  Weights emb, pos;  // [letters + 1, width], [longest, width]
  std::vector<Layer> layers;
  Norm norm;
  Linear head;  // [width, slots * (phonemes + 1)]
};

// Thread-safe.
class UnknownWords {
 public:
  explicit UnknownWords(UnknownWordsTables tables);
  ~UnknownWords();
  UnknownWords(UnknownWords&&) noexcept;

  // Empty when no letter of the word is in the net's alphabet.
  Phonemes read(std::u32string_view word) const;

 private:
  Phonemes run(const std::vector<std::size_t>& letters) const;

  UnknownWordsTables tables_;
  std::size_t width_;
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace parley::phonemizer
