// The tokenizer of a tiny checkpoint with its first audio tokens alone, and what of the vocabulary prompts
// need.
#pragma once

#include <filesystem>

#include "engine/models/step_audio_2/text/vocabulary.hpp"
#include "engine/text/byte_level_bpe.hpp"

namespace parley::test {

inline std::filesystem::path step_audio_2_parity() {
  return std::filesystem::path(PARLEY_SOURCE_DIR) / "test/parity/step_audio_2";
}

inline const text::ByteLevelBpe& small_tokenizer() {
  static const auto tokenizer = text::ByteLevelBpe::open(step_audio_2_parity() / "prompts_tokenizer.json");
  return tokenizer;
}

inline step_audio_2::Vocabulary small_vocabulary() {
  const auto id = [](const char* name) { return small_tokenizer().id_of(name).value(); };
  step_audio_2::Vocabulary vocabulary;
  vocabulary.begin_of_turn = id("<|BOT|>");
  vocabulary.end_of_turn = id("<|EOT|>");
  vocabulary.audio_start = id("<audio_start>");
  vocabulary.audio_end = id("<audio_end>");
  vocabulary.audio_patch = id("<audio_patch>");
  vocabulary.tts_start = id("<tts_start>");
  vocabulary.tts_end = id("<tts_end>");
  vocabulary.tts_pad = id("<tts_pad>");
  vocabulary.audio_0 = id("<audio_0>");
  vocabulary.audio_padding = vocabulary.audio_0 + 6561;
  return vocabulary;
}

}  // namespace parley::test
