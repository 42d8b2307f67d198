// One turn of the model, phase by phase.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/core.hpp"
#include "engine/models/step_audio_2/dialogue.hpp"
#include "engine/models/step_audio_2/text/interleaver.hpp"
#include "engine/models/step_audio_2/text/spoken_text.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"
#include "engine/models/step_audio_2/turn_prompt.hpp"
#include "engine/text/incremental_decoder.hpp"
#include "engine/text/stop_strings.hpp"
#include "engine/text/tool_call_reader.hpp"

namespace parley::step_audio_2 {

//   hearing    pieces of speech that were not encoded yet are, one after the other (encode)
//   reading    the prompt goes through the language model (prefill)
//   answering  a token a step (decode); audio tokens become sound (detokenize), both at once
//   over       all is said
//
// A model that thinks answers twice: when the thinking has ended, the turn reads what opens the answer proper
// and goes on.
struct StepAudio2Turn final : engine::Turn {
  enum class Phase { hearing, reading, answering, over };

  StepAudio2Turn(StepAudio2Dialogue& of, const engine::TurnRequest& asked, const Core& core,
                 const engine::Sampling& by)
      : dialogue(of),
        request(asked),
        sampling(by),
        decoder(core.tokenizer),
        interleaver(core.vocabulary, asked.output == engine::Output::speech) {}

  StepAudio2Dialogue& dialogue;
  engine::TurnRequest request;
  engine::Sampling sampling;
  Phase phase = Phase::hearing;

  // hearing
  struct Unheard {
    std::string item_id;
    int piece;
  };
  std::optional<Unheard> unheard;  // what is encoded now
  std::optional<Encoding> encoding;

  // reading
  TurnPrompt prompt;
  int reused = 0;                             // tokens of the prompt whose keys and values were there
  std::vector<int> unread;                    // still to be read; the last of them by the first decode step
  std::optional<causal_lm::KvSlot> own_slot;  // of a turn beside the dialogue's own

  // answering
  std::optional<causal_lm::Answer> answer;  // from the first step on
  text::IncrementalDecoder decoder;
  Interleaver interleaver;
  std::optional<text::ToolCallReader> calls;  // where the request has tools
  std::optional<Token2WavStream> speech;      // where it is to be spoken
  bool speech_ended = false;                  // its <tts_end> was read
  SpokenText spoken_text;
  std::optional<text::StopStrings> thinking;  // while it does: tells when it has ended
  int token_limit = 0;
  int tokens = 0;        // made, thinking included
  int audio_tokens = 0;  // of them
  std::int64_t rendered_samples = 0;
  double speed = 1;
  std::vector<int> answer_ids;  // without thinking
  std::string answer_text;
  int called = 0;        // tools
  bool decoded = false;  // no more tokens
  bool limited = false;  // by the limit

  causal_lm::KvSlot& slot() { return own_slot ? *own_slot : *dialogue.slot; }
  int to_prefill() const { return static_cast<int>(unread.size()) - 1; }

  Progress progress() const override {
    constexpr double samples_a_ms = speech_rate_hz / 1000.0, ms_a_token = 40;
    return {static_cast<double>(rendered_samples) / samples_a_ms,
            speech ? speech->waiting_tokens() * ms_a_token / speed : 0, phase == Phase::over,
            limited ? engine::TurnStatus::max_output_tokens : engine::TurnStatus::completed};
  }
};

// The engine hands back the turns that the model began.
inline StepAudio2Turn& as_step_audio_2(engine::Turn& turn) { return static_cast<StepAudio2Turn&>(turn); }
inline const StepAudio2Turn& as_step_audio_2(const engine::Turn& turn) {
  return static_cast<const StepAudio2Turn&>(turn);
}

}  // namespace parley::step_audio_2
