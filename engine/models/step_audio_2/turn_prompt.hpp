// What a turn's answer continues: the conversation as the engine tells it, in the model's own form.
#pragma once

#include <string>
#include <vector>

#include "engine/models/causal_lm/token_model.hpp"
#include "engine/models/step_audio_2/core.hpp"
#include "engine/models/step_audio_2/dialogue.hpp"
#include "engine/turn.hpp"

namespace parley::step_audio_2 {

struct TurnPrompt {
  std::vector<int> ids;   // heard speech as ids of EmbeddedRows
  int system_length = 0;  // of them: instructions and tools, which other conversations may share
  std::vector<causal_lm::EmbeddedRows> rows;  // keeps alive what `ids` refers to
  std::string forced;  // what the answer begins with, at the end of `ids`: a call that tool_choice demands
};

// Every speech item of the context that `dialogue` has heard must be encoded. The oldest items are left out
// where the whole does not fit. Throws like models::items_to_drop; std::invalid_argument for tools that
// cannot be written or called.
TurnPrompt make_turn_prompt(const Core& core, const StepAudio2Dialogue& dialogue,
                            const engine::TurnRequest& request, int context_tokens);

// What the last item of the context says, asked for in the recipe's mode "transcribe".
TurnPrompt make_transcription_prompt(const Core& core, const StepAudio2Dialogue& dialogue,
                                     const engine::TurnRequest& request, int context_tokens);

inline constexpr const char* transcription_mode = "transcribe";

}  // namespace parley::step_audio_2
