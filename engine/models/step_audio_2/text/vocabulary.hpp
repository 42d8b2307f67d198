// The tokens that the family adds to Qwen2.5's vocabulary, found by their names.
//
// Their order is the same in every checkpoint, so the ids of three of them divide the vocabulary:
//
//   0 .. <audio_start> - 1             text and the control tokens of the chat
//   <audio_start> .. <audio_0> - 1     what frames speech: <audio_end>, <audio_patch>, <tts_start>, ...
//   <audio_0> ..                       speech: the codes of the 25 Hz tokenizer, then one for padding
#pragma once

#include <string>

#include "engine/text/byte_level_bpe.hpp"

namespace parley::step_audio_2 {

struct Vocabulary {
  // Throws std::runtime_error with a sentence that begins with `where` and lists the tokens that the
  // tokenizer lacks or, in a vocabulary of the published size, that have other ids than the published ones.
  static Vocabulary read(const text::ByteLevelBpe& tokenizer, int vocab_size, const std::string& where);

  int begin_of_turn = -1;  // <|BOT|>
  int end_of_turn = -1;    // <|EOT|>
  int audio_start = -1, audio_end = -1, audio_patch = -1;
  int tts_start = -1, tts_end = -1, tts_pad = -1;
  int audio_0 = -1;
  int audio_padding = -1;  // <audio_6561>, where the sound ends before the text

  bool is_text(int id) const { return id >= 0 && id < audio_start; }
  bool is_audio(int id) const { return id >= audio_0; }  // padding is among them
  bool is_speech_code(int id) const { return id >= audio_0 && id < audio_padding; }
};

}  // namespace parley::step_audio_2
