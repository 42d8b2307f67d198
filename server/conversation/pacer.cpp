// Tested by test/server/conversation/pacer_test.cpp.
#include "server/conversation/pacer.hpp"

#include <algorithm>
#include <limits>

namespace parley::conversation {

double Pacer::room(const Playback& playback, Time now) const {
  if (lead_ms_ == 0) return std::numeric_limits<double>::infinity();
  return lead_ms_ - (playback.sent_ms() - playback.elapsed_ms(now));
}

bool Pacer::may_leave(const Playback& playback, Time now, double packet_ms) const {
  return room(playback, now) >= std::min<double>(packet_ms, lead_ms_);
}

Time Pacer::wake(const Playback& playback, Time now, double packet_ms) const {
  // Half the lead at most: a burst must not be what empties the listener's buffer.
  const double wanted = std::min<double>(std::max(packet_ms, std::min(burst_ms, lead_ms_ / 2.0)), lead_ms_);
  // A microsecond more, so that rounding never makes the waker find the packet still not due.
  return now + duration_of_ms(std::max(0.0, wanted - room(playback, now)) + 0.001);
}

}  // namespace parley::conversation
