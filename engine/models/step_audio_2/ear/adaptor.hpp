// From the encoder's 25 positions a second to the language model's 12.5 tokens ("adapter" in the checkpoint).
#pragma once

#include <ATen/ATen.h>

#include "engine/layers/linear.hpp"
#include "engine/layers/time_conv.hpp"
#include "engine/models/step_audio_2/ear/config.hpp"

namespace parley::step_audio_2 {

struct Adaptor {
  Adaptor(const EarConfig& config, const weights::Weights& weights, const layers::Placement& placement);
  // pooled: [batch, pooled, width] -> [batch, (pooled + 2 - kernel) / stride + 1, llm_dim]
  at::Tensor operator()(const at::Tensor& pooled) const;

  layers::TimeConv conv;
  layers::Linear linear1, linear2;
};

}  // namespace parley::step_audio_2
