// Where a layer's weights lie and what they are computed in: decided once, where a model is built.
#pragma once

#include <ATen/ATen.h>

#include "engine/weights/weights.hpp"

namespace parley::layers {

struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

// The tensor of that name, there and in that type; bytes are shared with the mapped file where they can be.
at::Tensor place(const weights::Weights& weights, const char* name, const std::vector<std::int64_t>& shape,
                 const Placement& placement);

}  // namespace parley::layers
