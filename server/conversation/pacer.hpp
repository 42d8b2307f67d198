// When the packets of an output stream may leave.
#pragma once

#include <optional>

#include "server/conversation/playback.hpp"

namespace parley::conversation {

// Keeps the audio sent at most `lead_ms` ahead of what has been played by the clock, so that a barge-in
// throws little away and a device's small buffer never overflows. Packets leave in small bursts: after one
// that used the lead up, the next may leave when `burst_ms` of it is free again, which saves wake-ups.
class Pacer {
 public:
  explicit Pacer(int lead_ms) : lead_ms_(lead_ms) {}  // 0: everything leaves at once

  // Whether one more packet of `packet_ms` may leave now. A lead shorter than a packet lets one leave
  // whenever the listener has nothing left.
  bool may_leave(const Playback& playback, Time now, double packet_ms) const;
  // When to look again while packets wait.
  Time wake(const Playback& playback, Time now, double packet_ms) const;

  static constexpr double burst_ms = 100;

 private:
  double room(const Playback& playback, Time now) const;
  int lead_ms_;
};

}  // namespace parley::conversation
