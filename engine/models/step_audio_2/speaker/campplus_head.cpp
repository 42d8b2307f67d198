#include "engine/models/step_audio_2/speaker/campplus_head.hpp"

#include <string>

#include "engine/models/step_audio_2/speaker/extent.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int plane_taps = 3;

std::vector<ResidualBlock> residual_blocks(const weights::Weights& weights, const std::string& name,
                                           std::int64_t in, const layers::Placement& placement) {
  const int count = count_layers(weights, name + ".", "conv1.weight", 0);
  std::vector<ResidualBlock> blocks;
  for (int i = 0; i < count; ++i) {
    blocks.emplace_back(weights.scope(name + "." + std::to_string(i)), in, /*stride=*/i == 0 ? 2 : 1,
                        placement);
    in = blocks.back().conv2.out();
  }
  return blocks;
}

std::int64_t outputs_of(const std::vector<ResidualBlock>& blocks, std::int64_t in) {
  return blocks.empty() ? in : blocks.back().conv2.out();
}

}  // namespace

PlaneConv::PlaneConv(const weights::Weights& weights, std::int64_t in, int taps, int stride_,
                     const layers::Placement& placement)
    : weight(layers::place(weights, "weight", {weights::any_size, in, taps, taps}, placement)),
      bias(layers::place(weights, "bias", {out()}, placement)),
      stride(stride_) {}

Tensor PlaneConv::operator()(const Tensor& x) const {
  const std::int64_t padding = (weight.size(2) - 1) / 2;
  return at::conv2d(x, weight, bias, /*stride=*/{stride, 1}, /*padding=*/{padding, padding});
}

ResidualBlock::ResidualBlock(const weights::Weights& weights, std::int64_t in, int stride,
                             const layers::Placement& placement)
    : conv1(weights.scope("conv1"), in, plane_taps, stride, placement),
      conv2(weights.scope("conv2"), conv1.out(), plane_taps, 1, placement) {
  if (stride != 1 || in != conv2.out())
    shortcut.emplace(weights.scope("shortcut.0"), in, /*taps=*/1, stride, placement);
}

Tensor ResidualBlock::operator()(const Tensor& x) const {
  const Tensor changed = conv2(conv1(x).relu_());
  return (changed + (shortcut ? (*shortcut)(x) : x)).relu_();
}

CampplusHead::CampplusHead(const weights::Weights& weights, const layers::Placement& placement)
    : conv1(weights.scope("conv1"), 1, plane_taps, 1, placement),
      layer1(residual_blocks(weights, "layer1", conv1.out(), placement)),
      layer2(residual_blocks(weights, "layer2", outputs_of(layer1, conv1.out()), placement)),
      conv2(weights.scope("conv2"), outputs_of(layer2, outputs_of(layer1, conv1.out())), plane_taps, 2,
            placement) {}

Tensor CampplusHead::operator()(const Tensor& features) const {
  Tensor x = conv1(features.t().unsqueeze(0).unsqueeze(0)).relu_();
  for (const ResidualBlock& block : layer1) x = block(x);
  for (const ResidualBlock& block : layer2) x = block(x);
  return conv2(x).relu_().squeeze(0).flatten(0, 1);
}

}  // namespace parley::step_audio_2
