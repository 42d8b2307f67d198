// What lies before the chunk that the diffusion transformer computes, for each row of its input. Its blocks
// ask here for what they see of it, and leave here what the chunk adds to it.
//
// Where that lies is up to the past: with each stream (past_in_caches.hpp), or in buffers that do not move
// (dit_buffers.hpp).
#pragma once

#include <ATen/ATen.h>

namespace parley::step_audio_2 {

class DitPast {
 public:
  virtual ~DitPast() = default;

  // What a block's queries, already scaled, make of the past and of their own chunk, whose keys and values
  // are staged. All are [rows, heads, time, width].
  virtual at::Tensor look_back(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                               int step, int block) const = 0;

  // frames: [rows, taps - 1 + time, hidden], of which the chunk's are written. Writes those before them, and
  // stages what the next chunk will find there. which: 0 and 1, the convolutions of the block.
  virtual void lead_in(const at::Tensor& frames, int which, int step, int block) const = 0;
};

}  // namespace parley::step_audio_2
