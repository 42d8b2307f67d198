// The layers that Whisper's encoder and decoder share.
#pragma once

#include "engine/layers/layer_norm.hpp"
#include "engine/layers/linear.hpp"
#include "engine/layers/time_conv.hpp"

namespace parley::whisper {

using layers::LayerNorm;
using layers::Linear;
using layers::TimeConv;

struct Attention {
  Attention(const weights::Weights& weights, int width, int heads, const layers::Placement& placement);

  // [batch, time, width] -> [batch, heads, time, head]
  at::Tensor split(const at::Tensor& x) const { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }
  // [batch, heads, time, head] -> [batch, time, width]
  static at::Tensor join(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

  Linear q_proj, k_proj, v_proj, out_proj;  // k_proj has no bias
  int heads;
};

}  // namespace parley::whisper
