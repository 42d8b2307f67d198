// Text and audio tokens in one stream ("TA4"): after <tts_start> one text token and four audio tokens, again
// and again, until <tts_end>; what follows is text. Where the text ends first its place is <tts_pad>, where
// the sound ends first its places are the padding code.
//
// A model makes this order by itself and may lose its step, so reading goes by what each token is and never
// by its place.
#pragma once

#include <span>
#include <vector>

#include "engine/models/step_audio_2/text/vocabulary.hpp"

namespace parley::step_audio_2 {

// One answer's tokens as they come.
class Interleaver {
 public:
  enum class Kind {
    text,     // of what is spoken, or of a text answer
    aside,    // text after the spoken part: it is not heard (tool calls)
    audio,    // a code of speech
    nothing,  // padding, marks
  };

  // `spoken`: <tts_start> was in the prompt.
  Interleaver(const Vocabulary& vocabulary, bool spoken) : vocabulary_(vocabulary), speaking_(spoken) {}

  Kind read(int id);
  bool speaking() const { return speaking_; }  // between <tts_start> and <tts_end>

 private:
  Vocabulary vocabulary_;
  bool speaking_;
  bool spoke_ = false;
};

// A spoken answer put together from its text and its audio tokens (ids, padding left out): as the model would
// have written it, <tts_start> and <tts_end> around it. max(ceil(audio / 4), text) groups.
std::vector<int> interleave(const Vocabulary& vocabulary, std::span<const int> text,
                            std::span<const int> audio);

}  // namespace parley::step_audio_2
