// Two short memories that decide what the engine can afford.
#pragma once

#include <cmath>
#include <deque>

#include "engine/playback.hpp"

namespace parley::engine {

// The share of the last seconds spent on work that could not wait (hungry responses, first sounds): 0 idle, 1
// behind.
class Load {
 public:
  void stepped(Clock::time_point from, Clock::time_point to, bool could_not_wait) {
    decay(from);
    decay(to);
    if (could_not_wait) share_ += 1.0 - std::exp(-Milliseconds(to - from).count() / window_ms);
  }
  double at(Clock::time_point now) const { return share_ * remaining(now); }

 private:
  static constexpr double window_ms = 2000;
  double remaining(Clock::time_point now) const {
    return now > since_ ? std::exp(-Milliseconds(now - since_).count() / window_ms) : 1.0;
  }
  void decay(Clock::time_point now) {
    share_ *= remaining(now);
    since_ = now;
  }
  double share_ = 0;
  Clock::time_point since_{};
};

// How often a pause really was the end of the turn, over the last minute. Below one in three, speculating
// costs more than it hides. Outcomes of speculations that were not run count too, so it finds its way back.
class SpeculationRecord {
 public:
  void ended(bool kept, Clock::time_point now) {
    forget_before(now);
    if (outcomes_.size() == most_outcomes) drop_oldest();
    outcomes_.push_back({now, kept});
    kept_ += kept ? 1 : 0;
  }
  bool pays(Clock::time_point now) {
    forget_before(now);
    return outcomes_.size() < fewest_outcomes || 3 * kept_ >= outcomes_.size();
  }

 private:
  struct Outcome {
    Clock::time_point at;
    bool kept;
  };
  static constexpr std::size_t fewest_outcomes = 6, most_outcomes = 512;
  void drop_oldest() {
    kept_ -= outcomes_.front().kept ? 1 : 0;
    outcomes_.pop_front();
  }
  void forget_before(Clock::time_point now) {
    while (!outcomes_.empty() && now - outcomes_.front().at > std::chrono::minutes(1)) drop_oldest();
  }
  std::deque<Outcome> outcomes_;
  std::size_t kept_ = 0;
};

}  // namespace parley::engine
