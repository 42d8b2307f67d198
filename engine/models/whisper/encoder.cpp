#include "engine/models/whisper/encoder.hpp"

#include <cmath>

#include "engine/layers/tensor_of.hpp"
#include "engine/models/whisper/network.hpp"

namespace parley::whisper {

using at::Tensor;

EncoderLayer::EncoderLayer(const Config& config, const weights::Weights& weights,
                           const layers::Placement& placement)
    : self_attn_layer_norm(weights.scope("self_attn_layer_norm"), config.d_model, placement),
      self_attn(weights.scope("self_attn"), config.d_model, config.encoder_attention_heads, placement),
      final_layer_norm(weights.scope("final_layer_norm"), config.d_model, placement),
      fc1(weights.scope("fc1"), config.d_model, config.encoder_ffn_dim, placement),
      fc2(weights.scope("fc2"), config.encoder_ffn_dim, config.d_model, placement) {}

Tensor bias_for_silence(std::int64_t positions, std::int64_t silent, const at::TensorOptions& options) {
  Tensor bias = at::zeros({1, 1, 1, positions + silent}, options);
  bias.narrow(3, positions, silent).fill_(std::log(static_cast<double>(silence_step)));
  return bias;
}

KeysValues EncoderLayer::keys_values(const Tensor& x) const {
  Tensor normed = self_attn_layer_norm(x);
  return {self_attn.split(self_attn.k_proj(normed)), self_attn.split(self_attn.v_proj(normed))};
}

Tensor EncoderLayer::operator()(Tensor x, const KeysValues& silence) const {
  Tensor q = self_attn.split(self_attn.q_proj(self_attn_layer_norm(x)));
  auto [keys, values] = keys_values(x);
  std::optional<Tensor> bias;
  if (silence.keys.defined()) {
    const std::int64_t own = keys.size(2), batch = keys.size(0);
    keys = at::cat({keys, silence.keys.expand({batch, -1, -1, -1})}, 2);
    values = at::cat({values, silence.values.expand({batch, -1, -1, -1})}, 2);
    bias = bias_for_silence(own, keys.size(2) - own, keys.options());
  }
  Tensor mixed = at::scaled_dot_product_attention(q, keys, values, bias);
  x = x + self_attn.out_proj(Attention::join(mixed));
  return x + fc2(at::gelu(fc1(final_layer_norm(x))));
}

Encoder::Encoder(const Config& config, const weights::Weights& weights, at::Device device)
    : device_(device),
      conv1_(weights.scope("conv1"), config.num_mel_bins, config.d_model, /*taps=*/3, /*stride=*/1, {device}),
      conv2_(weights.scope("conv2"), config.d_model, config.d_model, /*taps=*/3, /*stride=*/2, {device}),
      embed_positions_(layers::float_tensor_of(weights.get("embed_positions.weight",
                                                           {config.max_source_positions, config.d_model}))
                           .to(device)),
      layer_norm_(weights.scope("layer_norm"), config.d_model, {device}),
      silence_(static_cast<std::size_t>(config.encoder_layers)),
      mels_(config.num_mel_bins) {
  for (int i = 0; i < config.encoder_layers; ++i)
    layers_.emplace_back(config, weights.scope("layers." + std::to_string(i)), layers::Placement{device});
}

Tensor Encoder::embed(const Tensor& features) const {
  Tensor x = at::gelu(
      conv2_(layers::pad_time(at::gelu(conv1_(layers::pad_time(features.to(device_), 1, 1))), 1, 1)));
  return x + embed_positions_.narrow(0, 0, x.size(1));
}

Tensor Encoder::run(Tensor x, int first, int count) const {
  const std::int64_t kept = (x.size(1) + silence_step - 1) / silence_step;  // the first silent position seen
  for (int i = first; i < first + count; ++i) {
    const KeysValues& all = silence_[static_cast<std::size_t>(i)];
    const std::int64_t rest = all.keys.defined() ? all.keys.size(2) - kept : 0;
    x = layers_[static_cast<std::size_t>(i)](
        x, rest > 0 ? KeysValues{all.keys.narrow(2, kept, rest), all.values.narrow(2, kept, rest)}
                    : KeysValues{});
  }
  return x;
}

Tensor Encoder::operator()(const Tensor& features) const { return output(run(embed(features), 0, layers())); }

Tensor Encoder::listen_to_silence() {
  Tensor x = embed(at::full({1, 2 * embed_positions_.size(0), mels_}, silent_feature));
  const auto some = [](const Tensor& all) {
    return all.slice(2, silence_step / 2, {}, silence_step).contiguous();
  };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto [keys, values] = layers_[i].keys_values(x);
    silence_[i] = {some(keys), some(values)};
    x = layers_[i](x, {});
  }
  return layer_norm_(x);
}

}  // namespace parley::whisper
