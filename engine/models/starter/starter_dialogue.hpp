// What the starter keeps of one conversation between its turns.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/causal_lm/language_model.hpp"
#include "engine/models/whisper/recognizer.hpp"
#include "engine/speech_model.hpp"

namespace parley::starter {

// The answers given lately, as the tokens that were decoded. A later prompt repeats these, since the KV cache
// holds them; encoding the text again may split it differently and would have the whole answer read once
// more.
class AnswerMemory {
 public:
  void remember(std::string text, std::vector<int> ids);

  // The tokens of an answer that says `text`, or of one that was cut to it: those that are wholly within
  // `text`, then the rest of it encoded. Empty: no answer began like that.
  std::vector<int> ids_of(std::string_view text, const text::ByteLevelBpe& tokenizer) const;

 private:
  struct Answer {
    std::string text;
    std::vector<int> ids;
  };
  static constexpr std::size_t most_answers = 64;
  std::deque<Answer> answers_;  // newest first
};

struct StarterDialogue final : engine::Dialogue {
  struct Heard {
    std::optional<whisper::Utterance> utterance;  // empty: its transcript is all that is needed
    std::optional<std::string> transcript;        // of the first `transcribed_samples`
    std::size_t transcribed_samples = 0;
  };
  // By item id. A short-lived item more or less: a sorted map costs nothing while a session is idle.
  std::map<std::string, Heard, std::less<>> heard;
  AnswerMemory answers;
  std::optional<causal_lm::KvSlot>
      slot;  // what was read and said; empty until the first turn, and when released

  // The item's transcript if all of its sound has been recognized.
  const std::string* transcript_of(std::string_view item_id) const;
};

}  // namespace parley::starter
