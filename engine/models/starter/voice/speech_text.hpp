// The text side of a speech stream: what is pushed becomes sentences, and sentences words with the voice's
// symbols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/starter/phonemizer/phonemizer.hpp"
#include "engine/models/starter/phonemizer/sentence_splitter.hpp"
#include "engine/models/starter/voice/config.hpp"
#include "engine/models/starter/voice/utterance.hpp"

namespace parley::voice {

class SpeechText {
 public:
  // Neither is copied.
  SpeechText(const phonemizer::Phonemizer& phonemizer, const VoiceConfig& config)
      : phonemizer_(&phonemizer), config_(&config), splitter_(phonemizer) {}

  void push(std::string_view utf8);
  void finish();
  bool finished() const { return splitter_.finished(); }
  std::uint32_t code_points() const { return code_points_; }

  struct Words {
    std::vector<UtteranceWord> words;
    std::size_t settled = 0;     // words that may be spoken
    std::uint32_t text_end = 0;  // code points of the text that are spoken when all of them are
    bool complete = false;
  };

  bool has_sentence() const { return splitter_.has_sentence(); }
  Words take_sentence();

  // Words of the open sentence that have `held` words after them.
  std::size_t settled_count(int held) const;
  // The open sentence, read as far as its last whole word.
  Words open_words(int held) const;

  std::size_t waiting_signs() const;  // code points in sentences not taken and in the open one

 private:
  std::vector<UtteranceWord> words_of(std::u32string_view sentence, std::uint32_t begin) const;

  const phonemizer::Phonemizer* phonemizer_;
  const VoiceConfig* config_;
  phonemizer::SentenceSplitter splitter_;
  std::string cut_;  // the beginning of a code point whose rest has not come
  std::uint32_t code_points_ = 0;
};

}  // namespace parley::voice
