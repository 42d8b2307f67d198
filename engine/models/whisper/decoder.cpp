#include "engine/models/whisper/decoder.hpp"

#include <cstring>

#include "engine/layers/tensor_of.hpp"

namespace parley::whisper {

using at::Tensor;

DecoderLayer::DecoderLayer(const Config& config, const weights::Weights& weights,
                           const layers::Placement& placement)
    : self_attn_layer_norm(weights.scope("self_attn_layer_norm"), config.d_model, placement),
      self_attn(weights.scope("self_attn"), config.d_model, config.decoder_attention_heads, placement),
      encoder_attn_layer_norm(weights.scope("encoder_attn_layer_norm"), config.d_model, placement),
      encoder_attn(weights.scope("encoder_attn"), config.d_model, config.decoder_attention_heads, placement),
      final_layer_norm(weights.scope("final_layer_norm"), config.d_model, placement),
      fc1(weights.scope("fc1"), config.d_model, config.decoder_ffn_dim, placement),
      fc2(weights.scope("fc2"), config.decoder_ffn_dim, config.d_model, placement) {}

Decoder::Decoder(const Config& config, const weights::Weights& weights, at::Device device)
    : device_(device),
      embed_tokens_(
          layers::float_tensor_of(weights.get("embed_tokens.weight", {config.vocab_size, config.d_model}))
              .to(device)),
      embed_positions_(layers::float_tensor_of(weights.get("embed_positions.weight",
                                                           {config.max_target_positions, config.d_model}))
                           .to(device)),
      layer_norm_(weights.scope("layer_norm"), config.d_model, {device}) {
  for (int i = 0; i < config.decoder_layers; ++i)
    layers_.emplace_back(config, weights.scope("layers." + std::to_string(i)), layers::Placement{device});
}

std::vector<KeysValues> Decoder::sound(const Tensor& encoded) const {
  std::vector<KeysValues> all;
  for (const DecoderLayer& layer : layers_) {
    const Attention& attention = layer.encoder_attn;
    all.push_back({attention.split(attention.k_proj(encoded)).contiguous(),
                   attention.split(attention.v_proj(encoded)).contiguous()});
  }
  return all;
}

// The tokens of all rows stand one below the other in one matrix; only attention tells whose they are.
void Decoder::operator()(std::span<const DecoderRow> rows) const {
  std::vector<std::int64_t> ids, positions,
      wanted;  // wanted: places of the matrix whose logits are asked for
  for (const DecoderRow& row : rows) {
    if (!row.first_logits.empty()) wanted.push_back(static_cast<std::int64_t>(ids.size()));
    for (std::size_t i = 0; i < row.tokens.size(); ++i) {
      ids.push_back(row.tokens[i]);
      positions.push_back(row.window->length() + static_cast<std::int64_t>(i));
    }
    wanted.push_back(static_cast<std::int64_t>(ids.size()) - 1);
  }
  Tensor x = at::embedding(embed_tokens_, at::tensor(ids).to(device_)) +
             at::embedding(embed_positions_, at::tensor(positions).to(device_));  // [tokens, width]
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const DecoderLayer& layer = layers_[i];
    x = x + layer.self_attn.out_proj(self_attention(i, layer.self_attn_layer_norm(x), rows));
    x = x + layer.encoder_attn.out_proj(cross_attention(i, layer.encoder_attn_layer_norm(x), rows));
    x = x + layer.fc2(at::gelu(layer.fc1(layer.final_layer_norm(x))));
  }
  Tensor logits = at::linear(layer_norm_(x.index_select(0, at::tensor(wanted).to(device_))), embed_tokens_)
                      .to(at::kCPU)
                      .contiguous();  // [wanted, vocabulary]
  const auto vocabulary = static_cast<std::size_t>(logits.size(1));
  const float* next = logits.const_data_ptr<float>();
  auto take = [&](std::span<float> to) {
    if (to.empty()) return;
    std::memcpy(to.data(), next, vocabulary * sizeof(float));
    next += vocabulary;
  };
  for (const DecoderRow& row : rows) {
    take(row.first_logits);
    take(row.logits);
    static_cast<AtenWindow*>(row.window)->read += static_cast<int>(row.tokens.size());
  }
}

Tensor Decoder::self_attention(std::size_t layer, const Tensor& normed,
                               std::span<const DecoderRow> rows) const {
  const Attention& attention = layers_[layer].self_attn;
  Tensor x = normed.unsqueeze(0);
  Tensor q = attention.split(attention.q_proj(x)), k = attention.split(attention.k_proj(x)),
         v = attention.split(attention.v_proj(x));  // [1, heads, tokens, head]
  std::vector<Tensor> mixed;
  std::int64_t first = 0;
  for (const DecoderRow& row : rows) {
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    KeysValues& text = static_cast<AtenWindow*>(row.window)->text[layer];
    Tensor keys = k.narrow(2, first, count), values = v.narrow(2, first, count);
    const std::int64_t past = text.keys.defined() ? text.keys.size(2) : 0;
    text.keys = past > 0 ? at::cat({text.keys, keys}, 2) : keys.contiguous();
    text.values = past > 0 ? at::cat({text.values, values}, 2) : values.contiguous();
    Tensor mask = at::ones({count, past + count}, q.options().dtype(at::kBool)).tril(past);
    mixed.push_back(
        at::scaled_dot_product_attention(q.narrow(2, first, count), text.keys, text.values, mask));
    first += count;
  }
  return Attention::join(at::cat(mixed, 2)).squeeze(0);
}

Tensor Decoder::cross_attention(std::size_t layer, const Tensor& normed,
                                std::span<const DecoderRow> rows) const {
  const Attention& attention = layers_[layer].encoder_attn;
  Tensor q = attention.split(attention.q_proj(normed.unsqueeze(0)));
  std::vector<Tensor> mixed;
  std::int64_t first = 0;
  for (const DecoderRow& row : rows) {
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    const AtenWindow& window = *static_cast<AtenWindow*>(row.window);
    const KeysValues& sound = window.sound[layer];
    std::optional<Tensor> bias;
    if (window.bias.defined()) bias = window.bias;
    mixed.push_back(
        at::scaled_dot_product_attention(q.narrow(2, first, count), sound.keys, sound.values, bias));
    first += count;
  }
  return Attention::join(at::cat(mixed, 2)).squeeze(0);
}

}  // namespace parley::whisper
