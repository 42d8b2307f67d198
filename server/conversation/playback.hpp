// How much of one stretch of speech the listener has heard.
#pragma once

#include <chrono>
#include <optional>

#include "engine/turn.hpp"

namespace parley::conversation {

using Clock = engine::Clock;
using Time = Clock::time_point;

inline Clock::duration duration_of_ms(double ms) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(ms));
}
inline double ms_between(Time from, Time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// What is known best first: the exact length that a client told after a flush; its newest report, carried on
// by the clock while it says that it plays; otherwise the time since the first audio left, less what the way
// to the loudspeaker takes. Never more than what was sent.
class Playback {
 public:
  enum class State { started, playing, ended, underrun };

  void left(Time now, double ms);  // so much more audio was handed to the socket
  void dropped(double ms) { sent_ms_ = sent_ms_ > ms ? sent_ms_ - ms : 0; }  // of it, and never written
  void report(Time now, double played_ms, State state);
  void flushed(double played_ms) { exact_ms_ = played_ms; }

  double sent_ms() const { return sent_ms_; }
  bool begun() const { return begun_; }
  bool flush_answered() const { return exact_ms_.has_value(); }

  double heard_ms(Time now) const;

  // By the clock alone: the length that would have been played had play-out begun with the first audio and
  // paused only where none was left. What pacing and idle timeouts go by.
  double elapsed_ms(Time now) const;
  Time end() const;  // when the last of what was sent will have been played

  static constexpr double way_to_listener_ms = 150;  // network, jitter buffer and sound card, as a guess

 private:
  struct Report {
    Time at;
    double played_ms;
    State state;
  };
  bool begun_ = false;
  Time base_{};  // now - base_ is what has been played, if there was no pause
  double sent_ms_ = 0;
  std::optional<Report> report_;
  std::optional<double> exact_ms_;
};

}  // namespace parley::conversation
