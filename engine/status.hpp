// What the engine tells about itself: a snapshot for /healthz, /readyz and /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/speech_model.hpp"

namespace parley::engine {

// Counts by upper bound, not cumulative; the last count is of what is above all bounds.
struct HistogramSnapshot {
  std::span<const double> bounds;     // ascending; static
  std::vector<std::uint64_t> counts;  // bounds.size() + 1
  double sum = 0;
  std::uint64_t count() const {
    std::uint64_t total = 0;
    for (auto n : counts) total += n;
    return total;
  }
};

struct EngineStatus {
  // slots: a dialogue holds one while it has state on the device
  int slots = 0;
  int slots_held = 0;     // by dialogues with state; those of idle ones are taken back when they are needed
  int turns_running = 0;  // turns begun or waiting, speculative ones included
  int dialogues = 0;
  bool accepting =
      true;  // a new session would be served now: a slot is or can be made free, and the load allows it
  bool draining = false;
  bool stuck = false;     // a step has taken longer than EngineSettings::stuck_after: /healthz fails
  double load = 0;        // share of the time spent on hungry responses, 0..1, over the last seconds
  int mailbox_depth = 0;  // commands waiting
  int turns_waiting = 0;  // of turns_running: behind another turn of their dialogue, or parked speculations

  std::array<HistogramSnapshot, work_kinds> step_seconds;  // by WorkKind: one pass
  std::array<HistogramSnapshot, work_kinds> batch_size;
  HistogramSnapshot first_audio_seconds;  // end of the user's turn to the first chunk leaving the engine
  HistogramSnapshot underrun_seconds;     // longest of each spoken response
  HistogramSnapshot lead_seconds;         // of each response when it gets a chunk
  std::uint64_t continuous = 0;           // responses whose longest underrun was at most 100 ms
  std::uint64_t interrupted = 0;          // and the others

  std::uint64_t speculations_started = 0;
  std::uint64_t speculations_kept = 0;
  std::uint64_t speculations_thrown_away = 0;
  std::uint64_t speculations_parked = 0;  // not run before their commit: speculation was off
  double speculation_saved_seconds = 0;   // the head start of those kept

  std::uint64_t prefill_tokens_reused = 0;
  std::uint64_t prefill_tokens_new = 0;
  std::array<std::uint64_t, 4> turns{};  // ended, by TurnStatus
  std::uint64_t refused_turns = 0;       // of the failed: "engine_overloaded"
  std::uint64_t slow_sinks = 0;          // dialogues ended because their sink was full
};

const char* name(WorkKind kind);
const char* name(TurnStatus status);

}  // namespace parley::engine
