// One layer of the S3 tokenizer's encoder: attention with a memory, then two linear layers, each beside a
// residual.
#pragma once

#include "engine/layers/layer_norm.hpp"
#include "engine/layers/linear.hpp"
#include "engine/models/step_audio_2/speaker/fsmn_attention.hpp"
#include "engine/models/step_audio_2/speaker/time_slices.hpp"

namespace parley::step_audio_2 {

struct AttentionBlock {
  AttentionBlock(const weights::Weights& weights, int width, const layers::Placement& placement);
  // x: [frames, width], changed in place
  void operator()(at::Tensor& x, const Rotation& rotation, const TimeSlices& slices) const;

  FsmnAttention attn;
  layers::LayerNorm attn_ln;
  layers::Linear mlp_0;  // the checkpoint's mlp.0 and mlp.2; GELU is between them
  layers::Linear mlp_2;
  layers::LayerNorm mlp_ln;

 private:
  AttentionBlock(const weights::Weights& weights, int width, int mlp_width,
                 const layers::Placement& placement);
};

}  // namespace parley::step_audio_2
