// Self-attention with a memory: a learnt average of each channel's neighbouring values is added to what
// attention finds (FSMN, Zhang et al. 2015, as in SenseVoice and the S3 tokenizer).
//
// Queries and keys are turned by their frame (rotary positions, Su et al. 2021). Work is in two passes that
// each may be cut over time: project() fills in what all frames need to know of each other, attend() reads
// it.
#pragma once

#include <cstdint>

#include "engine/layers/linear.hpp"

namespace parley::step_audio_2 {

// The angles of so many frames: half of a head's channels turn with the other half.
struct Rotation {
  static constexpr int head_width = 64;  // for which the network's table of angles is made

  Rotation(std::int64_t frames, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x,
                        std::int64_t begin) const;  // [frames, heads, 64] from `begin` on

  at::Tensor cosines;  // [frames, 1, 64]
  at::Tensor sines;    // [frames, 1, 64]
};

struct FsmnAttention {
  struct Projections {
    std::int64_t frames = 0;
    at::Tensor queries;  // [frames, heads, 64], turned, a factor of 64^-1/4 included
    at::Tensor keys;     // the same
    at::Tensor values;   // [frames, width] between the memory's zeros before and after
  };

  FsmnAttention(const weights::Weights& weights, int width, const layers::Placement& placement);

  Projections room_for(std::int64_t frames) const;
  // x: [rows, width], frames `begin` and on
  void project(const at::Tensor& x, std::int64_t begin, const Rotation& rotation, Projections& to) const;
  at::Tensor attend(const Projections& all, std::int64_t begin,
                    std::int64_t end) const;  // [end - begin, width]

  layers::Linear query;
  layers::Linear key;  // without bias
  layers::Linear value;
  layers::Linear out;
  at::Tensor fsmn_block;  // [taps, width]; the checkpoint's weight is [width, 1, taps]
  int heads;
};

}  // namespace parley::step_audio_2
