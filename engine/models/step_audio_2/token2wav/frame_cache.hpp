// Keys and values of frames that are over, of several layers of attention at once.
//
// A pass writes those of its own frames behind the filled part, where the layers read both as one; only when
// the whole pass has succeeded is it settled which frames stay. So a pass that throws leaves a cache as it
// was.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/models/step_audio_2/token2wav/kept_frames.hpp"

namespace parley::step_audio_2 {

class FrameCache {
 public:
  FrameCache() = default;
  // leading: the axes before [heads, frames, head width], such as {layers}.
  FrameCache(std::vector<std::int64_t> leading, int heads, int head_width, int capacity,
             const at::TensorOptions& options);

  int frames() const { return frames_; }  // filled
  int capacity() const { return static_cast<int>(keys.defined() ? keys.size(-2) : 0); }

  // Makes room for `staged` frames behind the filled part; what is filled stays.
  void make_room(int staged);

  // What is to be done so that the cache holds `kept` (kept_frames.hpp). All memory that it takes is taken
  // here.
  struct Change {
    Kept kept;
    at::Tensor keys, values;  // in place of the present ones, where frames have to move among each other
  };
  Change plan(Kept kept) const;
  void apply(Change change);

  // Views of the filled part, as it is now.
  at::Tensor filled_keys() const { return keys.narrow(-2, 0, frames_); }
  at::Tensor filled_values() const { return values.narrow(-2, 0, frames_); }

  at::Tensor keys, values;  // [leading..., heads, capacity, head width]

 private:
  int frames_ = 0;
};

}  // namespace parley::step_audio_2
