// One sentence on its way to sound, rendered in chunks while its text may still be growing.
//
// A chunk needs durations and F0 for its frames and decoder_reach() frames past it. While the sentence is
// open they come from the words known so far, without the pause that would end it: two words past those that
// are spoken bring durations within 5 % and pitch within half a semitone of what the whole sentence gives
// (one word: 0.9 semitones, none: 1.5; with the closing pause the last word is drawn out to twice its
// length). When more words are known the rest is planned again. What has been heard stays as it was: its
// durations, and its F0, to which the new F0 is led back over 300 ms; the spectra of both plans are blended
// over four frames. Once the sentence is complete it is planned for the last time, and from there on chunks
// are exactly what the whole sentence would be.
//
// Tested by speaker_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/models/starter/voice/network.hpp"
#include "engine/models/starter/voice/synthesis.hpp"

namespace parley::voice {

struct UtteranceWord {
  std::vector<std::int64_t> symbols;  // with the space or punctuation after it
  std::size_t said_symbols = 0;       // of these, up to the last that is not a pause
  std::uint32_t text_end = 0;         // code points of the turn's text that are spoken at its end
};

class Utterance {
 public:
  struct Options {
    Style style;
    float speed = 1;
    std::optional<int>
        lead_in_steps;  // at most so much silence before the first word; empty: as the voice has it
    std::uint64_t seed = 0;
  };

  // `network` and `synthesis` are not copied.
  Utterance(const Network& network, const Synthesis& synthesis, const Options& options);

  // The sentence's words so far. Those that are partly heard (started_words()) must be the same as before.
  // While the sentence is open, only the first `settled` may be spoken.
  void plan(std::vector<UtteranceWord> words, std::size_t settled, bool complete);

  // With the durations given, in steps for each symbol and the pauses around them: for tests.
  void plan_with(std::vector<UtteranceWord> words, const std::vector<std::int64_t>& steps);

  bool complete() const { return complete_; }
  bool done() const { return complete_ && rendered_ == limit_; }
  std::int64_t ready_frames() const { return limit_ - rendered_; }
  std::size_t started_words() const;
  const std::vector<UtteranceWord>& words() const { return words_; }

  // What the decoder must see for the next `frames` frames, [1, window, channels]; then its answer [window,
  // 5, bins] becomes samples. Windows of several utterances may be decoded together when they are equally
  // long.
  at::Tensor window(std::int64_t frames);
  std::vector<float> render(const at::Tensor& spectra);

  struct Heard {
    std::int64_t samples;  // of this utterance, at the word's end
    std::uint32_t text_end;
  };
  // Words whose end render() has passed since the last call.
  std::vector<Heard> take_heard();
  std::size_t spoken_symbols() const;  // so far

 private:
  void lay_out(const Network::Text& text, std::int64_t fixed_symbols, const std::vector<std::int64_t>* given);
  void extend_pitch(std::int64_t frames);
  void lead_back(at::Tensor& pitch, std::int64_t begin) const;
  std::int64_t fixed_frames() const { return wave_.fixed_frames(); }
  std::int64_t symbol_end_frame(std::size_t symbol) const;

  const Network* network_;
  Options options_;
  SentenceWave wave_;

  std::vector<UtteranceWord> words_;
  std::vector<std::int64_t> symbols_;    // with the pauses around the sentence
  std::vector<std::int64_t> end_steps_;  // [symbols] where each ends
  bool complete_ = false;
  std::int64_t limit_ = 0;     // frames that may be rendered
  std::int64_t rendered_ = 0;  // frames
  std::size_t heard_words_ = 0;

  at::Tensor prosody_;  // [1, steps, width] text features of each step
  at::Tensor decoder_text_;
  std::vector<float> f0_, energy_;  // [frames] as far as they are known
  std::int64_t join_ = 0;           // the first frame of the current plan

  std::int64_t window_begin_ = 0;
  std::int64_t window_frames_ = 0;
  at::Tensor blend_;  // [frames, 5, bins] what the last plan had for the next frames
  bool replanned_ = false;
};

}  // namespace parley::voice
