// One turn of the starter, phase by phase.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/models/starter/prompt.hpp"
#include "engine/models/starter/starter_dialogue.hpp"
#include "engine/models/starter/voice/speaker.hpp"
#include "engine/text/incremental_decoder.hpp"
#include "engine/text/tool_call_reader.hpp"

namespace parley::starter {

//   hearing   speech items without a transcript are recognized, one after the other (encode, recognize)
//   reading   the prompt goes through the language model (prefill)
//   speaking  a token a step (decode); its text becomes words, and those sound (detokenize), both at once
//   over      all is said
struct StarterTurn final : engine::Turn {
  enum class Phase { hearing, reading, speaking, over };

  StarterTurn(StarterDialogue& of, const engine::TurnRequest& asked, const causal_lm::LanguageModel& brain,
              const engine::Sampling& sampling)
      : dialogue(of), request(asked), sampler(sampling), decoder(brain.tokenizer()), seed(sampling.seed) {}

  StarterDialogue& dialogue;
  engine::TurnRequest request;  // its items' texts are filled in as they are recognized
  Phase phase = Phase::hearing;

  // hearing
  std::deque<std::size_t> unheard;                  // items of the context still to be recognized
  std::optional<whisper::Recognition> recognition;  // of the first of them; empty: its transcript is known
  std::size_t recognized_samples = 0;
  int input_audio_tokens = 0;

  // reading
  Prompt prompt;
  int reused = 0;                             // tokens of the prompt whose keys and values were there
  int read = 0;                               // tokens of the prompt in the slot, `reused` included
  std::optional<causal_lm::KvSlot> own_slot;  // of a turn beside the dialogue's own

  // speaking
  causal_lm::Sampler sampler;
  text::IncrementalDecoder decoder;
  std::optional<text::ToolCallReader> calls;  // where the request has tools
  std::optional<voice::SpeechStream> speech;  // where it is to be spoken
  std::uint64_t seed = 0;
  int next_token = -1;  // to be read by the next step
  int token_limit = 0;
  std::vector<int> answer_ids;
  std::string answer_text;
  bool called = false;   // a tool
  bool decoded = false;  // no more tokens
  bool limited = false;  // by the limit

  causal_lm::KvSlot& slot() { return own_slot ? *own_slot : *dialogue.slot; }
  // The last token of the prompt is read by the first decode step, which needs what follows it.
  int to_read() const { return static_cast<int>(prompt.ids.size()) - 1 - read; }
  double pending_ms() const { return speech ? speech->pending_ms() : 0; }

  Progress progress() const override {
    return {speech ? speech->rendered_ms() : 0, pending_ms(), phase == Phase::over,
            limited ? engine::TurnStatus::max_output_tokens : engine::TurnStatus::completed};
  }
};

// The engine hands back the turns that the starter began.
inline StarterTurn& as_starter(engine::Turn& turn) { return static_cast<StarterTurn&>(turn); }
inline const StarterTurn& as_starter(const engine::Turn& turn) {
  return static_cast<const StarterTurn&>(turn);
}

}  // namespace parley::starter
