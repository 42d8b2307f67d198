// x W^T + b
#pragma once

#include "engine/layers/placement.hpp"

namespace parley::layers {

struct Linear {
  Linear(const weights::Weights& weights, int in, int out, const Placement& placement, bool has_bias = true);
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined
};

}  // namespace parley::layers
