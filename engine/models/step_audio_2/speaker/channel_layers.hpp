// CAM++'s small layers, over [channels, time].
//
// A batch norm after a convolution is folded into it; one before it is a scale and a shift.
#pragma once

#include "engine/layers/placement.hpp"

namespace parley::step_audio_2 {

// relu(x * scale + shift)
struct Nonlinear {
  Nonlinear(const weights::Weights& weights, std::int64_t channels, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const { return at::addcmul(shift, x, scale).relu_(); }

  at::Tensor scale;  // [channels, 1]
  at::Tensor shift;  // [channels, 1]
};

// A convolution of one tap: the same linear layer at every time. The checkpoint's weight is [out, in, 1].
struct PointConv {
  // As many outputs as the weight has.
  PointConv(const weights::Weights& weights, std::int64_t in, const layers::Placement& placement,
            bool has_bias = true);
  at::Tensor operator()(const at::Tensor& x) const {  // [in, time] -> [out, time]
    return bias.defined() ? at::addmm(bias, weight, x) : at::mm(weight, x);
  }
  std::int64_t out() const { return weight.size(0); }

  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out, 1], or undefined
};

}  // namespace parley::step_audio_2
