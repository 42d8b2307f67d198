// Layer normalisation of one row on the CPU.
#pragma once

#include <vector>

#include "engine/weights/weights.hpp"

namespace parley::layers {

struct CpuLayerNorm {
  CpuLayerNorm() = default;
  CpuLayerNorm(const weights::Weights& weights, int width);
  void operator()(const float* x, float* out) const;  // x and out may be the same

  std::vector<float> weight, bias;
};

}  // namespace parley::layers
