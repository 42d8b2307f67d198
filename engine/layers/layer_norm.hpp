// Layer normalisation over the last axis (Ba et al. 2016), with a scale and a shift.
#pragma once

#include "engine/layers/placement.hpp"

namespace parley::layers {

struct LayerNorm {
  LayerNorm(const weights::Weights& weights, int width, const Placement& placement, double epsilon = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, weight.sizes(), weight, bias, epsilon);
  }

  at::Tensor weight;  // [width]
  at::Tensor bias;    // [width]
  double epsilon;
};

}  // namespace parley::layers
