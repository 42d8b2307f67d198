#include "engine/models/step_audio_2/speaker/s3_encoder.hpp"

#include <string>

#include "engine/models/step_audio_2/speaker/extent.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int taps_in_time = 3;
constexpr int time_stride = 2;

// x: [frames, in] -> [frames / 2 rounded up, out]
Tensor halve(const layers::TimeConv& conv, const Tensor& x, const TimeSlices& slices) {
  const Tensor padded = layers::pad_time(x.unsqueeze(0), 1, 1);
  const std::int64_t frames = (x.size(0) + 1) / 2;
  Tensor result = at::empty({frames, conv.weight.size(0)}, x.options());
  slices.run(frames, [&](std::int64_t begin, std::int64_t end) {
    const Tensor under_taps = padded.slice(1, time_stride * begin, time_stride * (end - 1) + taps_in_time);
    result.slice(0, begin, end).copy_(at::gelu(conv(under_taps)).squeeze(0));
  });
  return result;
}

}  // namespace

S3Encoder::S3Encoder(const weights::Weights& weights, const layers::Placement& placement_)
    : mels(extent(weights, "conv1.weight", 3, 1)),
      width(extent(weights, "conv1.weight", 3, 0)),
      conv1(weights.scope("conv1"), mels, width, taps_in_time, time_stride, placement_),
      conv2(weights.scope("conv2"), width, width, taps_in_time, time_stride, placement_),
      placement(placement_) {
  const int count = count_layers(weights, "blocks.", "attn.query.weight", 0);
  for (int i = 0; i < count; ++i)
    blocks.emplace_back(weights.scope("blocks." + std::to_string(i)), width, placement);
}

Tensor S3Encoder::operator()(const Tensor& mel, const TimeSlices& slices) const {
  Tensor x = halve(conv2, halve(conv1, mel, slices), slices);
  const Rotation rotation(x.size(0), placement);
  for (const AttentionBlock& block : blocks) block(x, rotation, slices);
  return x;
}

}  // namespace parley::step_audio_2
