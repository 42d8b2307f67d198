// How fast a client may send (protocol.md 12.1): beyond it, its next message is read later.
#pragma once

#include <algorithm>
#include <cstddef>

#include "server/conversation/playback.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

using conversation::Clock;
using conversation::Time;

// Fills by `rate` a second up to `burst`; may be overdrawn, and then says how long until it no longer is.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst, Time now) : rate_(rate), burst_(burst), level_(burst), at_(now) {}

  void take(double tokens, Time now) {
    level_ = std::min(burst_, level_ + rate_ * std::chrono::duration<double>(now - at_).count()) - tokens;
    at_ = now;
  }
  Time positive_at() const {
    if (level_ >= 0) return at_;
    return at_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(-level_ / rate_));
  }

 private:
  double rate_, burst_, level_;
  Time at_;
};

class Throttle {
 public:
  Throttle(const LimitSettings& limits, Time now)
      : text_(limits.text_messages_per_s, 2 * limits.text_messages_per_s, now),
        binary_(limits.binary_messages_per_s, 2 * limits.binary_messages_per_s, now),
        bytes_(limits.bytes_per_s, static_cast<double>(limits.bytes_burst), now),
        audio_ms_(1000 * limits.audio_speed, static_cast<double>(limits.audio_burst.count()), now) {}

  void message(bool binary, std::size_t bytes, Time now) {
    (binary ? binary_ : text_).take(1, now);
    bytes_.take(static_cast<double>(bytes), now);
  }
  void audio(double ms, Time now) { audio_ms_.take(ms, now); }

  // Before this time nothing more is read.
  Time read_at() const {
    return std::max(
        {text_.positive_at(), binary_.positive_at(), bytes_.positive_at(), audio_ms_.positive_at()});
  }

 private:
  TokenBucket text_, binary_, bytes_, audio_ms_;
};

}  // namespace parley::server
