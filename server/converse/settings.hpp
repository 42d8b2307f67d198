// What can be chosen about a turn without a network, beside the model.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "engine/engine_settings.hpp"
#include "server/converse/spoken_turn.hpp"

namespace parley::converse {

// The defaults make runs comparable: greedy, short, the same each time.
struct Settings {
  std::string instructions =
      "You are talking with someone by voice. Reply in one or two short sentences that are easy to say "
      "aloud.";
  int max_output_tokens = 80;
  engine::Sampling sampling{.repetition_penalty = 1.1F};
};

// Binds the fields to the keys instructions, max_output_tokens and sampling.*.
void add_to(config::Settings& settings, Settings& fields);

// Of an engine that answers one recording as fast as it can: nobody listens, so no response is ever far
// enough ahead to be left alone, and the unprinted first run teaches the prices of its steps.
engine::EngineSettings engine_settings();

}  // namespace parley::converse
