#include "engine/models/causal_lm/decoder/rotary.hpp"

#include <cmath>
#include <numbers>

namespace parley::causal_lm {
namespace {

// Llama 3.1: waves that turned at least high_freq_factor times within the first training's context stay as
// they were, those that turned less than low_freq_factor times are slowed down, and between the two it
// changes linearly with the number of turns.
double llama3_scaled(double frequency, const RopeScaling& scaling) {
  const double turns = scaling.original_max_position_embeddings * frequency / (2.0 * std::numbers::pi);
  if (turns > scaling.high_freq_factor) return frequency;
  if (turns < scaling.low_freq_factor) return frequency / scaling.factor;
  const double smooth =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1.0 - smooth) * frequency / scaling.factor + smooth * frequency;
}

}  // namespace

Rotary::Rotary(const DecoderConfig& config) {
  const int pairs = config.head_dim / 2;
  for (int pair = 0; pair < pairs; ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config.head_dim);
    double frequency = 1.0F / static_cast<float>(std::pow(config.rope_theta, exponent));
    if (config.rope_scaling.kind == RopeScaling::Kind::linear) frequency /= config.rope_scaling.factor;
    if (config.rope_scaling.kind == RopeScaling::Kind::llama3)
      frequency = llama3_scaled(frequency, config.rope_scaling);
    if (!config.rope_frequency_factors.empty())
      frequency /= config.rope_frequency_factors[static_cast<std::size_t>(pair)];
    frequencies_.push_back(static_cast<float>(frequency));
  }
}

void Rotary::angles(int position, float* cosines, float* sines) const {
  for (std::size_t pair = 0; pair < frequencies_.size(); ++pair) {
    const double angle = static_cast<float>(position) * frequencies_[pair];
    cosines[pair] = static_cast<float>(std::cos(angle));
    sines[pair] = static_cast<float>(std::sin(angle));
  }
}

}  // namespace parley::causal_lm
