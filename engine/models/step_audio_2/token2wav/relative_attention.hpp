// Self-attention that knows how far apart frames are (Dai et al. 2019, "Transformer-XL", section 3.3).
//
//   score(i, j) = ((q_i + u) k_j + (q_i + v) r_d) / sqrt(width),   d = place of i - place of j
//   r_d = linear_pos(pe(d)),   pe(d)[2m] = sin(d / 10000^(2m / size)), pe(d)[2m + 1] = cos(the same)
//
// d is negative where a query sees a frame of its own chunk that comes later.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "engine/models/step_audio_2/token2wav/packed_linear.hpp"

namespace parley::step_audio_2 {

// Keys that lie in one place and follow each other in time.
struct Stretch {
  int frames = 0;
  std::int64_t start = 0;  // its first frame's place as seen from the first query's: negative for the past
};

// pe(d) of all distances between `queries` frames and a stretch, the largest first: [queries + frames - 1,
// size]
at::Tensor distance_encodings(int queries, const Stretch& stretch, int size,
                              const at::TensorOptions& options);

struct RelativeAttention {
  RelativeAttention(const weights::Weights& weights, int size, int heads, const layers::Placement& placement);

  // r_d of those distances: [heads, queries + frames - 1, width]
  at::Tensor distances(const at::Tensor& encodings) const;

  // One stretch's keys and values, with its distances.
  struct Seen {
    at::Tensor keys, values;  // [heads, frames, width]
    at::Tensor distances;     // [heads, queries + frames - 1, width]
  };

  // x: [queries, size]. Writes the keys and values of x to `keys` and `values` [heads, queries, width], which
  // are the end of the last of `seen`.
  at::Tensor operator()(const at::Tensor& x, at::Tensor keys, at::Tensor values,
                        std::span<const Seen> seen) const;

  PackedLinear linear_qkv;  // linear_q, linear_k and linear_v
  PackedLinear linear_pos, linear_out;
  at::Tensor pos_bias_u, pos_bias_v;  // [heads, 1, width]
  int heads;
};

}  // namespace parley::step_audio_2
