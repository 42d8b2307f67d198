#include "engine/models/step_audio_2/ear/audio_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

// [batch, time, width] -> [batch, heads, time, head]
Tensor split_heads(const Tensor& x, int heads) { return x.unflatten(2, {heads, -1}).transpose(1, 2); }

// The checkpoint's MLP is a list: Linear, GELU, Linear.
int inner_width(const weights::Weights& weights) {
  return static_cast<int>(weights.get("0.bias", {weights::any_size}).shape.front());
}

}  // namespace

EncoderAttention::EncoderAttention(const weights::Weights& weights, int width, int heads_,
                                   const layers::Placement& placement)
    : query(weights.scope("query"), width, width, placement),
      key(weights.scope("key"), width, width, placement, /*has_bias=*/false),
      value(weights.scope("value"), width, width, placement),
      out(weights.scope("out"), width, width, placement),
      heads(heads_) {}

Tensor EncoderAttention::operator()(const Tensor& x, std::int64_t keys, const Tensor& mask) const {
  const Tensor seen = x.narrow(1, 0, keys);
  const Tensor q = split_heads(query(x), heads);     // [batch, heads, positions, head]
  const Tensor k = split_heads(key(seen), heads);    // [batch, heads, keys, head]
  const Tensor v = split_heads(value(seen), heads);  // [batch, heads, keys, head]
  const std::optional<Tensor> bias = mask.defined() ? std::optional(mask) : std::nullopt;
  // the reference scales q and k by head^(-1/4) each
  const Tensor mixed = at::scaled_dot_product_attention(q, k, v, bias);
  return out(mixed.transpose(1, 2).flatten(2));
}

EncoderMlp::EncoderMlp(const weights::Weights& weights, int width, const layers::Placement& placement)
    : expand(weights.scope("0"), width, inner_width(weights), placement),
      contract(weights.scope("2"), inner_width(weights), width, placement) {}

Tensor EncoderMlp::operator()(const Tensor& x) const { return contract(at::gelu(expand(x))); }

EncoderBlock::EncoderBlock(const weights::Weights& weights, int width, int heads,
                           const layers::Placement& placement)
    : attn(weights.scope("attn"), width, heads, placement),
      attn_ln(weights.scope("attn_ln"), width, placement),
      mlp(weights.scope("mlp"), width, placement),
      mlp_ln(weights.scope("mlp_ln"), width, placement) {}

Tensor EncoderBlock::operator()(Tensor x, std::int64_t keys, const Tensor& mask) const {
  x = x + attn(attn_ln(x), keys, mask);
  return x + mlp(mlp_ln(x));
}

AudioEncoder::AudioEncoder(const EarConfig& config, const weights::Weights& weights,
                           const layers::Placement& placement)
    : conv1(weights.scope("conv1"), config.n_mels, config.n_audio_state, /*taps=*/3, /*stride=*/1, placement),
      conv2(weights.scope("conv2"), config.n_audio_state, config.n_audio_state, /*taps=*/3, /*stride=*/2,
            placement),
      positional_embedding(layers::place(weights, "positional_embedding.weight",
                                         {config.n_audio_ctx, config.n_audio_state}, placement)),
      after_norm(weights.scope("after_norm"), config.n_audio_state, placement) {
  for (int i = 0; i < config.n_audio_layer; ++i)
    blocks.emplace_back(weights.scope("blocks." + std::to_string(i)), config.n_audio_state,
                        config.n_audio_head, placement);
}

Tensor AudioEncoder::embed(const Tensor& features) const {
  Tensor x = at::gelu(conv1(layers::pad_time(features, 1, 1)));
  x = at::gelu(conv2(layers::pad_time(x, 1, 1)));
  return x + positional_embedding.narrow(0, 0, x.size(1));
}

Tensor AudioEncoder::run(Tensor x, std::span<const int> keys, int first, int count) const {
  // What nobody attends to lies at the end, so no mask is needed where all pieces see equally many.
  const auto [fewest, most] = std::ranges::minmax(keys);
  Tensor mask;
  if (fewest != most) {
    const Tensor seen = at::tensor(at::IntArrayRef(std::vector<std::int64_t>(keys.begin(), keys.end())),
                                   at::TensorOptions().dtype(at::kLong));
    mask = (at::arange(most).unsqueeze(0) < seen.unsqueeze(1)).to(x.device()).view({-1, 1, 1, most});
  }
  for (int i = first; i < first + count; ++i) x = blocks[static_cast<std::size_t>(i)](x, most, mask);
  return x;
}

Tensor AudioEncoder::pool(const Tensor& x) const {
  const std::int64_t pairs = x.size(1) / 2;
  return after_norm(x.narrow(1, 0, 2 * pairs).unflatten(1, {pairs, 2}).mean(2));
}

}  // namespace parley::step_audio_2
