#include "engine/metrics.hpp"

#include <algorithm>
#include <utility>

namespace parley::engine {
namespace {

constexpr double step_bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03,
                                  0.045,  0.06,  0.1,   0.2,   0.5,  1,     5};
constexpr double batch_bounds[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128};
constexpr double first_audio_bounds[] = {0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6,
                                         0.8,   1,    1.5, 2,    3,   5,   10};
constexpr double underrun_bounds[] = {0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
constexpr double lead_bounds[] = {0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2, 2.5, 3, 4, 6, 8, 10, 15};

template <std::size_t... kind>
std::array<Histogram, work_kinds> one_a_kind(std::span<const double> bounds, std::index_sequence<kind...>) {
  auto one = [bounds](std::size_t) { return Histogram(bounds); };
  return {one(kind)...};
}

}  // namespace

void Histogram::add(double value) {
  auto above = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[above - bounds_.begin()].add();
  sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot snapshot{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i <= bounds_.size(); ++i) snapshot.counts.push_back(counts_[i].get());
  return snapshot;
}

Metrics::Metrics()
    : step_seconds(one_a_kind(step_bounds, std::make_index_sequence<work_kinds>())),
      batch_size(one_a_kind(batch_bounds, std::make_index_sequence<work_kinds>())),
      first_audio_seconds(first_audio_bounds),
      underrun_seconds(underrun_bounds),
      lead_seconds(lead_bounds) {}

void Metrics::copy_to(EngineStatus& status) const {
  for (int kind = 0; kind < work_kinds; ++kind) {
    status.step_seconds[kind] = step_seconds[kind].snapshot();
    status.batch_size[kind] = batch_size[kind].snapshot();
  }
  status.first_audio_seconds = first_audio_seconds.snapshot();
  status.underrun_seconds = underrun_seconds.snapshot();
  status.lead_seconds = lead_seconds.snapshot();
  status.continuous = continuous.get();
  status.interrupted = interrupted.get();
  status.speculations_started = speculations_started.get();
  status.speculations_kept = speculations_kept.get();
  status.speculations_thrown_away = speculations_thrown_away.get();
  status.speculations_parked = speculations_parked.get();
  status.speculation_saved_seconds = speculation_saved_seconds;
  status.prefill_tokens_reused = prefill_tokens_reused.get();
  status.prefill_tokens_new = prefill_tokens_new.get();
  for (std::size_t i = 0; i < turns.size(); ++i) status.turns[i] = turns[i].get();
  status.refused_turns = refused_turns.get();
  status.slow_sinks = slow_sinks.get();
  status.slots = slots;
  status.slots_held = slots_held;
  status.turns_running = turns_running;
  status.turns_waiting = turns_waiting;
  status.dialogues = dialogues;
  status.accepting = accepting;
  status.draining = draining;
  status.load = load;
}

const char* name(WorkKind kind) {
  switch (kind) {
    case WorkKind::encode:
      return "encode";
    case WorkKind::recognize:
      return "recognize";
    case WorkKind::prefill:
      return "prefill";
    case WorkKind::decode:
      return "decode";
    case WorkKind::detokenize:
      return "detokenize";
  }
  return "";
}

const char* name(TurnStatus status) {
  switch (status) {
    case TurnStatus::completed:
      return "completed";
    case TurnStatus::cancelled:
      return "cancelled";
    case TurnStatus::max_output_tokens:
      return "max_output_tokens";
    case TurnStatus::failed:
      return "failed";
  }
  return "";
}

}  // namespace parley::engine
