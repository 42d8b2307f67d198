// What can be chosen about the engine. Defaults are beside the fields; docs: README, "Settings".
#pragma once

#include <chrono>
#include <cstddef>

namespace parley::engine {

using std::chrono::milliseconds;

// Who goes first, and how far ahead. `scheduling.md` names these quantities in its section 1.
struct SchedulerSettings {
  milliseconds first_audio_goal{300};  // from the end of the user's turn to the first sound
  milliseconds text_goal{500};         // the same for answers without sound, and between their pieces
  milliseconds target_lead{2500};      // with less audio ahead of the listener a response is hungry
  milliseconds max_lead{10'000};       // with more, it is left alone: a barge-in would throw it away
  milliseconds step_budget{60};        // longest step while others speak: 60 suits a CPU, 25 a GPU
  milliseconds chunk_lead{1000};       // with less, a chunk is rendered as soon as it can be, however small
  int min_piece = 16;                  // units (tokens, frames) of the smallest piece of a prefill

  // Share of the time spent on hungry responses, over the last seconds, above which (in this order)
  // speculation stops, chunks wait until they are large, responses with the largest lead skip steps, and
  // sessions are refused.
  double no_speculation_load = 0.70;
  double large_chunks_load = 0.80;
  double skip_steps_load = 0.90;
  double refuse_load = 0.98;
};

struct EngineSettings {
  SchedulerSettings scheduler;
  int slots = 0;  // conversations with state on the device at once; 0: as many as were measured
  bool measure_at_start =
      true;  // run a few turns before the first caller to learn what steps cost (about 1 s)
  milliseconds measure_time{1200};
  std::size_t mailbox_capacity = 32768;  // commands that may wait for the engine
  milliseconds stuck_after{10'000};      // a step that takes longer means that the device hangs
};

}  // namespace parley::engine
