#include "engine/models/step_audio_2/token2wav/f0_predictor.hpp"

#include <string>

namespace parley::step_audio_2 {
namespace {

std::vector<PackedConv> condnet_of(const weights::Weights& weights, const layers::Placement& placement) {
  std::vector<PackedConv> convs;
  // a convolution and an activation by turns
  for (int i = 0; i == 0 || weights.has("condnet." + std::to_string(i) + ".weight"); i += 2)
    convs.emplace_back(weights.scope("condnet." + std::to_string(i)), /*dilation=*/1, placement);
  return convs;
}

}  // namespace

F0Predictor::F0Predictor(const weights::Weights& weights, const layers::Placement& placement)
    : condnet(condnet_of(weights, placement)),
      classifier(weights.scope("classifier"), condnet.back().out(), 1, placement) {}

at::Tensor F0Predictor::operator()(const at::Tensor& mel) const {
  at::Tensor x = mel;
  for (const PackedConv& conv : condnet) x = at::elu(conv(x));
  return classifier(x).squeeze(1).abs();
}

}  // namespace parley::step_audio_2
