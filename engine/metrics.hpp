// Counters written by the engine's thread and read by any other; adding to one allocates nothing.
#pragma once

#include <array>
#include <atomic>

#include "engine/status.hpp"

namespace parley::engine {

// One writer, so a relaxed load and store is enough.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds) {}
  void add(double value);
  HistogramSnapshot snapshot() const;

 private:
  static constexpr std::size_t most_bounds = 15;
  std::span<const double> bounds_;
  std::array<Counter, most_bounds + 1> counts_;
  std::atomic<double> sum_{0};
};

// Everything of EngineStatus that counts; the rest is read off the engine's own state.
struct Metrics {
  Metrics();
  std::array<Histogram, work_kinds> step_seconds;
  std::array<Histogram, work_kinds> batch_size;
  Histogram first_audio_seconds, underrun_seconds, lead_seconds;
  Counter continuous, interrupted;
  Counter speculations_started, speculations_kept, speculations_thrown_away, speculations_parked;
  std::atomic<double> speculation_saved_seconds{0};
  Counter prefill_tokens_reused, prefill_tokens_new;
  std::array<Counter, 4> turns;
  Counter refused_turns, slow_sinks;

  std::atomic<int> slots{0}, slots_held{0}, turns_running{0}, turns_waiting{0}, dialogues{0};
  std::atomic<bool> accepting{true}, draining{false};
  std::atomic<double> load{0};

  void copy_to(EngineStatus& status) const;
};

}  // namespace parley::engine
