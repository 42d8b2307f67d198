// The pitch of each mel frame, read from the spectrum by a few convolutions.
#pragma once

#include <vector>

#include "engine/layers/linear.hpp"
#include "engine/models/step_audio_2/token2wav/packed_conv.hpp"

namespace parley::step_audio_2 {

struct F0Predictor {
  F0Predictor(const weights::Weights& weights, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& mel) const;  // [frames, bins] -> [frames] in Hz

  std::vector<PackedConv> condnet;  // an ELU after each
  layers::Linear classifier;
};

}  // namespace parley::step_audio_2
