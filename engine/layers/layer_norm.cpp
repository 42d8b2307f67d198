#include "engine/layers/layer_norm.hpp"

namespace parley::layers {

LayerNorm::LayerNorm(const weights::Weights& weights, int width, const Placement& placement, double epsilon_)
    : weight(place(weights, "weight", {width}, placement)),
      bias(place(weights, "bias", {width}, placement)),
      epsilon(epsilon_) {}

}  // namespace parley::layers
