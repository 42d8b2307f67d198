#include "engine/layers/linear.hpp"

namespace parley::layers {

Linear::Linear(const weights::Weights& weights, int in, int out, const Placement& placement, bool has_bias)
    : weight(place(weights, "weight", {out, in}, placement)) {
  if (has_bias) bias = place(weights, "bias", {out}, placement);
}

}  // namespace parley::layers
