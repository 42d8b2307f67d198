// x W^T + b with weights that do not change between calls. On the CPU they are packed once for the kernels of
// oneDNN, which LibTorch brings along: on our machines 2.3 times as fast as at::linear, whose BLAS packs them
// anew in every call. A product of several layers that read the same input is one matrix.
#pragma once

#include <ATen/ATen.h>

#include "engine/layers/placement.hpp"

namespace parley::step_audio_2 {

// Whether weights that lie there can be packed for oneDNN.
bool has_onednn(const at::Tensor& weight);

enum class Activation { none, silu, gelu_tanh };

class PackedLinear {
 public:
  PackedLinear() = default;
  // weight [out, in]; bias [out], or undefined
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Activation then = Activation::none);
  // The layer's own `weight` and `bias`.
  PackedLinear(const weights::Weights& weights, int in, int out, const layers::Placement& placement,
               bool has_bias = true, Activation then = Activation::none);

  at::Tensor operator()(const at::Tensor& x) const;  // [..., in] -> [..., out]

 private:
  at::Tensor weight_;  // packed, or [out, in]
  at::Tensor bias_;
  Activation then_ = Activation::none;
};

}  // namespace parley::step_audio_2
