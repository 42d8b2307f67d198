// Attention of the encoder on the CPU kernels: whole heads of whole pieces, in float32.
//
// Both products are those of strips.hpp. Scores are made with keys as rows and queries as columns, [keys, 16]
// for sixteen queries: that is the layout in which the second product reads its second factor, and in which
// the softmax of sixteen queries goes on side by side. So weights are never moved:
//
//   scores [keys, queries] = K Q^T      softmax over keys      mixed^T [head, queries] = V^T scores
#pragma once

#include <vector>

#include "engine/kernels/team.hpp"

namespace parley::step_audio_2 {

class CpuAttention {
 public:
  CpuAttention(kernels::Team& team, int width, int heads);

  struct Piece {
    const float* qkv = nullptr;  // [positions, 3 width]: queries, keys, values
    int positions = 0;
    int keys = 0;            // the first so many are attended to
    float* mixed = nullptr;  // [positions, width]
  };
  void operator()(const std::vector<Piece>& pieces);

 private:
  struct Scratch {  // of one worker
    std::vector<float> keys, values, queries, scores, mixed, gathered;
  };
  void attend(const Piece& piece, int head, Scratch& scratch) const;

  kernels::Team& team_;
  int width_, heads_, head_width_;
  std::vector<Scratch> scratch_;
};

}  // namespace parley::step_audio_2
