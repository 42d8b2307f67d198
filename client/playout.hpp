// What the listener hears of one stream of packets.
#pragma once

#include <algorithm>
#include <optional>

#include "client/time.hpp"

namespace parley::client {

// Plays from the first packet on, without a jitter buffer: when nothing is left it is silent until more
// comes. Such a silence, an underrun, is as long as the packet came after the last sound had ended. Strict on
// purpose: a real player buffers some 60 ms first and hides what this one counts.
class Playout {
 public:
  void arrived(Time now, Milliseconds sound) {
    if (sound.count() <= 0) return;  // an end marker plays nothing, however late it is
    if (ends_at_ && now > *ends_at_)
      longest_underrun_ = std::max(longest_underrun_, Milliseconds(now - *ends_at_));
    ends_at_ = after(ends_at_ ? std::max(now, *ends_at_) : now, sound);
    received_ += sound;
  }
  // Stops at once; what was not played is forgotten.
  void flush(Time now) {
    received_ = heard(now);
    if (ends_at_) ends_at_ = std::min(now, *ends_at_);
  }

  bool started() const { return ends_at_.has_value(); }
  bool playing(Time now) const { return ends_at_ && now < *ends_at_; }
  Milliseconds heard(Time now) const {
    return playing(now) ? received_ - Milliseconds(*ends_at_ - now) : received_;
  }
  Milliseconds longest_underrun() const { return longest_underrun_; }

 private:
  std::optional<Time> ends_at_;  // of what has arrived
  Milliseconds received_{0};
  Milliseconds longest_underrun_{0};
};

}  // namespace parley::client
