// English text to phonemes: normalise -> tokenize -> tag -> read each word by the lexicon's rules, right to
// left since a reading depends on what follows -> the net for unknown words -> stress. No LibTorch.
//
//   "Dr. Smith paid $5."  ->  dˈɑktəɹ smˈɪθ pˈAd fˈIv dˈɑləɹz.
//
// The rules and tables are those that the voice was trained with. Tested by phonemizer_test.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/starter/phonemizer/token.hpp"

namespace parley::phonemizer {

// A stretch of a sentence that is spoken as one: a word with the punctuation glued to it.
struct SpokenWord {
  Phonemes phonemes;  // without spaces at either end; may be empty
  bool space_after = false;
  std::uint32_t text_end;  // code points of the sentence that are spoken at its end
};

// Loaded once, read-only; every method may be called from any thread.
class Phonemizer {
 public:
  // Maps the folder's pronunciation.safetensors and reads its pronunciation.json. Throws std::runtime_error
  // with a sentence for the operator when they are missing or do not fit.
  explicit Phonemizer(const std::filesystem::path& voice_folder);
  ~Phonemizer();
  Phonemizer(Phonemizer&&) noexcept;

  // One sentence. Markup of the form [text](/phonemes/) gives the reading itself; [text](link) is read as
  // text.
  std::vector<SpokenWord> read(std::u32string_view sentence) const;

  // The words' phonemes with a space where the text has one.
  static std::u32string joined(const std::vector<SpokenWord>& words);

  // Whether a sentence ends before code point `end` of `paragraph` (after its ".", "!" or "?"), when `next`
  // is the first sign of what follows: not after a title or an initial, nor before a small letter.
  bool ends_sentence(std::u32string_view paragraph, std::size_t end, char32_t next) const;

  bool is_space(char32_t c) const;

  // True when the text before `cut` is normalised alone as it is together with what follows, so that it can
  // be read (and spoken) before more text is known: "on March" may not be cut from "3rd".
  bool can_cut(std::u32string_view sentence, std::size_t cut) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace parley::phonemizer
