#include "engine/models/step_audio_2/ear/adaptor.hpp"

namespace parley::step_audio_2 {
namespace {

int middle_width(const weights::Weights& weights) {
  return static_cast<int>(weights.get("linear1.bias", {weights::any_size}).shape.front());
}

}  // namespace

Adaptor::Adaptor(const EarConfig& config, const weights::Weights& weights, const layers::Placement& placement)
    : conv(weights.scope("conv"), config.n_audio_state, config.n_audio_state, config.kernel_size,
           config.adapter_stride, placement),
      linear1(weights.scope("linear1"), config.n_audio_state, middle_width(weights), placement),
      linear2(weights.scope("linear2"), middle_width(weights), config.llm_dim, placement) {}

at::Tensor Adaptor::operator()(const at::Tensor& pooled) const {
  const at::Tensor x = at::gelu(conv(layers::pad_time(pooled, 1, 1)));
  return linear2(at::relu(linear1(x)));
}

}  // namespace parley::step_audio_2
