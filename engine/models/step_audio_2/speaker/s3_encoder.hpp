// The S3 tokenizer's network: 100 frames of log-mel a second become 25 of hidden states.
#pragma once

#include <vector>

#include "engine/layers/time_conv.hpp"
#include "engine/models/step_audio_2/speaker/attention_block.hpp"

namespace parley::step_audio_2 {

struct S3Encoder {
  S3Encoder(const weights::Weights& weights, const layers::Placement& placement);
  // mel: [frames, mels] -> [frames / 4 rounded up, width]
  at::Tensor operator()(const at::Tensor& mel, const TimeSlices& slices) const;

  int mels;
  int width;
  layers::TimeConv conv1;  // each halves the frames
  layers::TimeConv conv2;
  std::vector<AttentionBlock> blocks;
  layers::Placement placement;
};

}  // namespace parley::step_audio_2
