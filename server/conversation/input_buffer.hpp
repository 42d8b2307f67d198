// The user's audio that is not yet part of an item.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "server/conversation/turn_detector.hpp"

namespace parley::conversation {

// Samples come in at the end and leave at the front, to the engine or for good. Positions count on over
// commits and clears: they are the session's audio clock. Kept as 16-bit samples: an open microphone that
// nobody speaks into holds some seconds of them.
class InputBuffer {
 public:
  // 16 kHz mono, -1..1. `ms`: how long it was before resampling, which may differ by the resampler's delay.
  void append(std::span<const float> pcm, double ms);

  AudioPosition begin() const { return end_ - static_cast<AudioPosition>(held_.size()); }
  AudioPosition end() const { return end_; }

  std::vector<float> take_until(AudioPosition position);  // what is held before it
  void drop_until(AudioPosition position);

  // What a commit now would turn into an item: all since the last commit or clear, less what was dropped.
  double uncommitted_ms() const { return uncommitted_ms_; }
  void commit_until(AudioPosition position);  // later samples stay and are the start of the next item
  void clear();                               // forgets all; the clock goes on

 private:
  std::deque<std::int16_t> held_;
  AudioPosition end_ = 0;
  double uncommitted_ms_ = 0;
};

}  // namespace parley::conversation
