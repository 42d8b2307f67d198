#include "engine/models/step_audio_2/speaker/campplus.hpp"

#include <stdexcept>
#include <string>

namespace parley::step_audio_2 {

using at::Tensor;

Campplus::Tdnn::Tdnn(const weights::Weights& weights, std::int64_t in, const layers::Placement& placement)
    : weight(layers::place(weights, "weight", {weights::any_size, in, weights::any_size}, placement)),
      bias(layers::place(weights, "bias", {weight.size(0)}, placement)) {}

Tensor Campplus::Tdnn::operator()(const Tensor& x) const {
  return at::conv1d(x.unsqueeze(0), weight, bias, /*stride=*/2, /*padding=*/(weight.size(2) - 1) / 2)
      .squeeze(0)
      .relu_();
}

Campplus::Transit::Transit(const weights::Weights& weights, std::int64_t in, bool has_bias,
                           const layers::Placement& placement)
    : nonlinear(weights.scope("nonlinear"), in, placement),
      linear(weights.scope("linear"), in, placement, has_bias) {}

Campplus::Campplus(const weights::Weights& weights, std::int64_t bins, const layers::Placement& placement)
    : head(weights.scope("head"), placement),
      tdnn(weights.scope("xvector.tdnn.linear"), head.conv2.out() * (bins / 8), placement),
      block1(weights.scope("xvector.block1"), tdnn.weight.size(0), /*dilation=*/1, placement),
      transit1(weights.scope("xvector.transit1"), block1.out(), /*has_bias=*/false, placement),
      block2(weights.scope("xvector.block2"), transit1.linear.out(), /*dilation=*/2, placement),
      transit2(weights.scope("xvector.transit2"), block2.out(), /*has_bias=*/false, placement),
      block3(weights.scope("xvector.block3"), transit2.linear.out(), /*dilation=*/2, placement),
      transit3(weights.scope("xvector.transit3"), block3.out(), /*has_bias=*/true, placement),
      dense(weights.scope("xvector.dense"), 2 * transit3.linear.out(), placement) {}

Tensor Campplus::operator()(const Tensor& features) const {
  if (features.size(0) < fewest_frames)
    throw std::invalid_argument("a voice cannot be told by " + std::to_string(features.size(0)) +
                                " frames of sound; at least " + std::to_string(fewest_frames) +
                                " are needed");
  Tensor x = tdnn(head(features));
  x = transit1(block1(x));
  x = transit2(block2(x));
  x = transit3(block3(x)).relu_();
  const auto [deviation, mean] = at::std_mean(x, at::IntArrayRef{1}, /*unbiased=*/true);
  return dense(at::cat({mean, deviation}).unsqueeze(1)).squeeze(1);
}

}  // namespace parley::step_audio_2
