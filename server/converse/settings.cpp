#include "server/converse/settings.hpp"

namespace parley::converse {

void add_to(config::Settings& settings, Settings& fields) {
  settings.add("instructions", fields.instructions, "what the assistant is told about itself");
  settings.add("max_output_tokens", fields.max_output_tokens, {1, 4096}, "longest answer, in text tokens");
  settings.add("sampling.temperature", fields.sampling.temperature, {0.0, 2.0},
               "0 always takes the likeliest token");
  settings.add("sampling.top_p", fields.sampling.top_p, {0.0, 1.0},
               "share of the likelihood that is drawn from");
  settings.add("sampling.top_k", fields.sampling.top_k, {0, 100'000},
               "how many tokens are drawn from; 0: all");
  settings.add("sampling.repetition_penalty", fields.sampling.repetition_penalty, {0.5, 2.0},
               "above 1 makes tokens that came already less likely");
  settings.add("sampling.seed", fields.sampling.seed, {0, 9e15}, "of the draws");
}

engine::EngineSettings engine_settings() {
  engine::EngineSettings settings;
  settings.slots = 1;
  settings.measure_at_start = false;
  settings.scheduler.max_lead = std::chrono::hours(1);
  return settings;
}

}  // namespace parley::converse
