// The tokens that a turn's answer continues.
#pragma once

#include <string>
#include <vector>

#include "engine/models/causal_lm/language_model.hpp"
#include "engine/models/starter/starter_dialogue.hpp"
#include "engine/turn.hpp"

namespace parley::starter {

struct Prompt {
  std::vector<int> ids;
  int system_length = 0;  // of them: the instructions and tools, which other conversations may share
  // What the answer must begin with, at the end of `ids`: the opening of a call that tool_choice demands.
  std::string forced;
};

// `request` has every item's text. The oldest items are left out where the whole does not fit the
// context with room for an answer; an answer's items go with the question. Throws std::length_error with a
// sentence when the instructions and the last item alone do not fit, or when the request forbids leaving
// items out; std::invalid_argument for tools that cannot be written.
Prompt make_prompt(const causal_lm::LanguageModel& brain, const StarterDialogue& dialogue,
                   const engine::TurnRequest& request, int context_tokens);

}  // namespace parley::starter
