#include "engine/models/step_audio_2/speaker/channel_layers.hpp"

namespace parley::step_audio_2 {

Nonlinear::Nonlinear(const weights::Weights& weights, std::int64_t channels,
                     const layers::Placement& placement)
    : scale(layers::place(weights, "scale", {channels}, placement).unsqueeze(1)),
      shift(layers::place(weights, "shift", {channels}, placement).unsqueeze(1)) {}

PointConv::PointConv(const weights::Weights& weights, std::int64_t in, const layers::Placement& placement,
                     bool has_bias)
    : weight(layers::place(weights, "weight", {weights::any_size, in, 1}, placement).squeeze(2)) {
  if (has_bias) bias = layers::place(weights, "bias", {out()}, placement).unsqueeze(1);
}

}  // namespace parley::step_audio_2
