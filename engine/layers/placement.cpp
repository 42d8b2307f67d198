#include "engine/layers/placement.hpp"

#include "engine/layers/tensor_of.hpp"

namespace parley::layers {

at::Tensor place(const weights::Weights& weights, const char* name, const std::vector<std::int64_t>& shape,
                 const Placement& placement) {
  return tensor_of(weights.get(name, shape)).to(placement.device, placement.dtype);
}

}  // namespace parley::layers
