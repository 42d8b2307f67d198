// The diffusion transformer that estimates the flow's velocity: Peebles & Xie 2023, "Scalable Diffusion
// Models with Transformers", with a causal convolution in every block and without encodings of position.
//
// The times it is asked at are always the same, so what the time does to a block (adaLN: a scale and a shift
// in each norm, a gate on each branch) is computed when the model is loaded, and its matrices are not kept.
//
// Tested by token2wav_parity_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/layers/layer_norm.hpp"
#include "engine/models/step_audio_2/token2wav/config.hpp"
#include "engine/models/step_audio_2/token2wav/dit_cache.hpp"
#include "engine/models/step_audio_2/token2wav/dit_past.hpp"
#include "engine/models/step_audio_2/token2wav/packed_linear.hpp"

namespace parley::step_audio_2 {

// One branch of a block at one time: x + gate * branch(norm(x) * scale + shift)
struct Modulation {
  at::Tensor scale, shift, gate;  // [hidden]; the final layer has no gate
};
struct BlockModulation {
  Modulation attn, mlp, conv;
};

struct DitAttention {
  DitAttention(const weights::Weights& weights, const DitConfig& config, const layers::Placement& placement);
  // x: [rows, time, hidden]
  at::Tensor operator()(const at::Tensor& x, int step, int block, const DitPast& past) const;

  PackedLinear to_qkv;                    // to_q, to_k and to_v
  at::Tensor q_norm_weight, q_norm_bias;  // [head_dim], with the scale of the scores
  layers::LayerNorm k_norm;
  PackedLinear proj;
  int heads;
};

// Two causal convolutions over time, a norm and Mish between them.
struct CausalConvBlock {
  CausalConvBlock(const weights::Weights& weights, const DitConfig& config,
                  const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x, int step, int block, const DitPast& past) const;

  int taps() const { return taps_; }

 private:
  at::Tensor convolve(const PackedLinear& conv, const at::Tensor& x, int which, int step, int block,
                      const DitPast& past) const;

  int taps_;
  PackedLinear conv1_, conv2_;  // block.1 and block.6: [hidden, taps * hidden]
  layers::LayerNorm norm_;      // block.3
};

struct DitBlock {
  DitBlock(const weights::Weights& weights, const DitConfig& config, const layers::Placement& placement);

  DitAttention attn;
  CausalConvBlock conv;
  PackedLinear fc1, fc2;  // of mlp, tanh-GELU between them
};

class Dit {
 public:
  // times: of the solver's steps, 0 .. 1
  Dit(const weights::Weights& weights, const DitConfig& config, const std::vector<float>& times,
      const layers::Placement& placement);

  // input: [rows, time, in_channels] float32: x, mu, speaker, condition -> velocity [rows, time,
  // out_channels]
  at::Tensor operator()(const at::Tensor& input, int step, const DitPast& past) const;

  // For so many steps (1: of a pass that keeps nothing) and frames. The rows are those of `streams` streams,
  // one stream after the other.
  DitCache new_cache(int steps, int frames, int streams = 1) const;

  const DitConfig& config() const { return config_; }
  int steps() const { return static_cast<int>(modulations_.size()); }

 private:
  DitConfig config_;
  layers::Placement placement_;
  PackedLinear in_proj_;
  std::vector<DitBlock> blocks_;
  PackedLinear final_linear_;                              // final_layer.linear
  std::vector<std::vector<BlockModulation>> modulations_;  // [steps][depth]
  std::vector<Modulation> final_modulations_;              // [steps]
};

}  // namespace parley::step_audio_2
