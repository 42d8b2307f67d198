// Tested by test/server/conversation/playback_test.cpp.
#include "server/conversation/playback.hpp"

#include <algorithm>

namespace parley::conversation {

void Playback::left(Time now, double ms) {
  if (!begun_) base_ = now;
  begun_ = true;
  // The listener ran out before this came: play-out stood still in between.
  if (ms_between(base_, now) > sent_ms_) base_ = now - duration_of_ms(sent_ms_);
  sent_ms_ += ms;
}

void Playback::report(Time now, double played_ms, State state) { report_ = Report{now, played_ms, state}; }

double Playback::elapsed_ms(Time now) const {
  return begun_ ? std::clamp(ms_between(base_, now), 0.0, sent_ms_) : 0;
}

double Playback::heard_ms(Time now) const {
  double heard = 0;
  if (exact_ms_) {
    heard = *exact_ms_;
  } else if (report_) {
    const bool moving = report_->state == State::started || report_->state == State::playing;
    heard = report_->played_ms + (moving ? ms_between(report_->at, now) : 0);
  } else if (begun_) {
    heard = ms_between(base_, now) - way_to_listener_ms;
  }
  return std::clamp(heard, 0.0, sent_ms_);
}

Time Playback::end() const { return begun_ ? base_ + duration_of_ms(sent_ms_) : Time{}; }

}  // namespace parley::conversation
