// What the listener of one response still has in hand.
//
// Audio is heard at one second a second from the moment it left the engine; a client that reports its
// position is believed instead. When the audio runs out, the listener hears a gap (an underrun) until more
// comes:
//
//   rendered  |==== 400 ms ====|              |== 200 ms ==|
//   time      t0               t0+400  gap    t0+550       t0+750      longest underrun: 150 ms
#pragma once

#include <algorithm>
#include <chrono>

#include "engine/turn.hpp"

namespace parley::engine {

using Milliseconds = std::chrono::duration<double, std::milli>;

class Playback {
 public:
  void rendered(double ms, Clock::time_point now) {
    if (!started_ || dry_at_ < now) {
      if (started_)
        longest_underrun_ms_ = std::max(longest_underrun_ms_, Milliseconds(now - dry_at_).count());
      started_ = true;
      dry_at_ = now;
    }
    rendered_ms_ += ms;
    dry_at_ += std::chrono::duration_cast<Clock::duration>(Milliseconds(ms));
  }

  void reported(double heard_ms, Clock::time_point now) {
    if (!started_) return;
    double left = std::max(0.0, rendered_ms_ - std::max(0.0, heard_ms));
    dry_at_ = now + std::chrono::duration_cast<Clock::duration>(Milliseconds(left));
  }

  bool started() const { return started_; }
  // Playback lead: how far the audio is ahead of what was heard. 0 while the listener hears a gap.
  double lead_ms(Clock::time_point now) const {
    return started_ ? std::max(0.0, Milliseconds(dry_at_ - now).count()) : 0.0;
  }
  Clock::time_point dry_at() const { return dry_at_; }  // when the lead is, or was, used up
  double longest_underrun_ms() const { return longest_underrun_ms_; }

 private:
  bool started_ = false;
  double rendered_ms_ = 0;
  double longest_underrun_ms_ = 0;
  Clock::time_point dry_at_{};
};

}  // namespace parley::engine
