// How fast a stream speaks: its mel frames are read faster or slower than they were made, with those between
// two of them interpolated. The vocoder makes pitch and timbre of what a frame holds, so neither changes with
// the pace.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace parley::step_audio_2 {

class Pace {
 public:
  explicit Pace(double speed) : speed_(speed) {}  // 1: frames pass as they are

  struct Paced;
  // The next frames [frames, bins], and the pace as it is after them. After the last of them nothing follows.
  Paced next(const at::Tensor& mel, bool last) const;

 private:
  double speed_;
  std::int64_t read_ = 0;   // frames so far
  std::int64_t given_ = 0;  // the same, at this pace
  at::Tensor before_;       // [1, bins]: the frame read last
};

struct Pace::Paced {
  at::Tensor mel;
  Pace after;
};

}  // namespace parley::step_audio_2
