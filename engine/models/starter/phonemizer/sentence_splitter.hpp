// Cuts text that arrives piece by piece into sentences: at line breaks, and after . ! ? … once the first sign
// of what follows shows that a sentence ended there.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "engine/models/starter/phonemizer/phonemizer.hpp"

namespace parley::phonemizer {

inline constexpr std::size_t longest_sentence = 400;  // the voice was trained on no longer ones

struct Sentence {
  std::u32string text;
  std::uint32_t begin = 0;  // code points of the whole text before it
  std::uint32_t end = 0;    // ... and up to its end with closing quotes, which are not part of `text`
};

class SentenceSplitter {
 public:
  // `phonemizer` is not copied.
  explicit SentenceSplitter(const Phonemizer& phonemizer) : phonemizer_(&phonemizer) {}

  void push(std::u32string_view text);
  void finish();  // no more text follows

  bool has_sentence() const { return !complete_.empty(); }
  Sentence take();  // the first complete sentence

  // The beginning of a sentence whose end is not known yet; only when has_sentence() is false.
  Sentence open() const;
  bool finished() const { return finished_; }
  std::size_t waiting_signs() const;  // code points not taken yet

 private:
  void scan();
  std::size_t break_place() const;
  void complete(std::size_t text_end, std::size_t end, std::size_t next);

  const Phonemizer* phonemizer_;
  std::u32string pending_;      // starts with the open sentence's first sign
  std::uint32_t position_ = 0;  // code points before pending_
  std::size_t scanned_ = 0;     // no sentence ends before this place of pending_
  std::deque<Sentence> complete_;
  bool finished_ = false;
};

}  // namespace parley::phonemizer
