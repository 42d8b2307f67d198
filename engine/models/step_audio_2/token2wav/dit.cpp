#include "engine/models/step_audio_2/token2wav/dit.hpp"

#include <cmath>
#include <string>

#include "engine/layers/linear.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;
using layers::Placement;
using weights::Weights;

constexpr double adaptive_epsilon = 1e-6;  // of the norms that the time modulates
constexpr double time_scale = 1000;
constexpr double lowest_time_frequency = 1e-4;

Placement in_float(const Placement& placement) { return {placement.device, at::kFloat}; }

// Cosines and sines of each time at frequencies from 1 down to 1 / 10000: [times, width]
Tensor time_encodings(const std::vector<float>& times, std::int64_t width, const Placement& placement) {
  const std::int64_t half = width / 2;
  const Tensor frequencies =
      at::exp(std::log(lowest_time_frequency) * at::arange(0, half, at::TensorOptions(at::kFloat)) / half);
  const Tensor angles = (at::tensor(times) * time_scale).unsqueeze(1) * frequencies.unsqueeze(0);
  return at::cat({angles.cos(), angles.sin()}, 1).to(placement.device);
}

// SiLU of t_embedder's answer: [times, hidden]
Tensor embed_times(const Weights& weights, const DitConfig& config, const std::vector<float>& times,
                   const Placement& placement) {
  const Tensor first =
      layers::place(weights.scope("mlp.0"), "weight", {config.hidden_size, weights::any_size}, placement);
  const Tensor bias = layers::place(weights.scope("mlp.0"), "bias", {config.hidden_size}, placement);
  const layers::Linear second(weights.scope("mlp.2"), config.hidden_size, config.hidden_size, placement);
  const Tensor encodings = time_encodings(times, first.size(1), placement);
  return at::silu(second(at::silu(at::linear(encodings, first, bias))));
}

PackedLinear query_key_value_of(const Weights& weights, const DitConfig& config, const Placement& placement) {
  const int inner = config.num_heads * config.head_dim;
  std::vector<Tensor> matrices, biases;
  for (const char* name : {"to_q", "to_k", "to_v"}) {
    matrices.push_back(layers::place(weights.scope(name), "weight", {inner, config.hidden_size}, placement));
    biases.push_back(layers::place(weights.scope(name), "bias", {inner}, placement));
  }
  return {at::cat(matrices), at::cat(biases)};
}

Tensor causal_weight(const Weights& weights, const DitConfig& config, const Placement& placement) {
  return layers::place(weights, "weight", {config.hidden_size, config.hidden_size, weights::any_size},
                       placement);
}

PackedLinear causal_conv(const Weights& weights, const DitConfig& config, const Placement& placement) {
  return {causal_weight(weights, config, placement).transpose(1, 2).flatten(1),
          layers::place(weights, "bias", {config.hidden_size}, placement)};
}

int mlp_width(const DitConfig& config) { return static_cast<int>(config.hidden_size * config.mlp_ratio); }

}  // namespace

DitAttention::DitAttention(const Weights& weights, const DitConfig& config, const Placement& placement)
    : to_qkv(query_key_value_of(weights, config, placement)),
      k_norm(weights.scope("k_norm"), config.head_dim, placement),
      proj(weights.scope("proj"), config.num_heads * config.head_dim, config.hidden_size, placement),
      heads(config.num_heads) {
  const double scale = 1 / std::sqrt(static_cast<double>(config.head_dim));
  const layers::LayerNorm q_norm(weights.scope("q_norm"), config.head_dim, placement);
  q_norm_weight = q_norm.weight * scale;
  q_norm_bias = q_norm.bias * scale;
}

Tensor DitAttention::operator()(const Tensor& x, int step, int block, const DitPast& past) const {
  const Tensor qkv = to_qkv(x).unflatten(2, {3, heads, -1});  // [rows, time, 3, heads, width]
  const Tensor k = k_norm(qkv.select(2, 1)).transpose(1, 2);  // [rows, heads, time, width]
  const Tensor v = qkv.select(2, 2).transpose(1, 2);
  const Tensor q =
      at::layer_norm(qkv.select(2, 0), q_norm_weight.sizes(), q_norm_weight, q_norm_bias, k_norm.epsilon)
          .transpose(1, 2);
  return proj(past.look_back(q, k, v, step, block).transpose(1, 2).flatten(2));
}

CausalConvBlock::CausalConvBlock(const Weights& weights, const DitConfig& config, const Placement& placement)
    : taps_(static_cast<int>(causal_weight(weights.scope("block.1"), config, placement).size(2))),
      conv1_(causal_conv(weights.scope("block.1"), config, placement)),
      conv2_(causal_conv(weights.scope("block.6"), config, placement)),
      norm_(weights.scope("block.3"), config.hidden_size, placement) {}

Tensor CausalConvBlock::operator()(const Tensor& x, int step, int block, const DitPast& past) const {
  const Tensor between = at::mish(norm_(convolve(conv1_, x, 0, step, block, past)));
  return convolve(conv2_, between, 1, step, block, past);
}

Tensor CausalConvBlock::convolve(const PackedLinear& conv, const Tensor& x, int which, int step, int block,
                                 const DitPast& past) const {
  const std::int64_t time = x.size(1), hidden = x.size(2), before = taps_ - 1;
  const Tensor frames = at::empty({x.size(0), before + time, hidden}, x.options());
  frames.narrow(1, before, time).copy_(x);
  past.lead_in(frames, which, step, block);
  return conv(frames.as_strided({x.size(0), time, taps_ * hidden}, {(before + time) * hidden, hidden, 1}));
}

DitBlock::DitBlock(const Weights& weights, const DitConfig& config, const Placement& placement)
    : attn(weights.scope("attn"), config, placement),
      conv(weights.scope("conv"), config, placement),
      fc1(weights.scope("mlp.fc1"), config.hidden_size, mlp_width(config), placement, /*has_bias=*/true,
          Activation::gelu_tanh),
      fc2(weights.scope("mlp.fc2"), mlp_width(config), config.hidden_size, placement) {}

Dit::Dit(const Weights& weights, const DitConfig& config, const std::vector<float>& times,
         const Placement& placement)
    : config_(config),
      placement_(placement),
      in_proj_(weights.scope("in_proj"), config.in_channels, config.hidden_size, placement),
      final_linear_(weights.scope("final_layer.linear"), config.hidden_size, config.out_channels, placement),
      modulations_(times.size()) {
  const Placement exact = in_float(placement);
  const Tensor at_times = embed_times(weights.scope("t_embedder"), config, times, exact);
  // [times, so many vectors of hidden]: a shift, a scale and, in blocks, a gate for each branch
  auto vectors_of = [&](const Weights& layer, int count) {
    const layers::Linear linear(layer.scope("adaLN_modulation.1"), config.hidden_size,
                                count * config.hidden_size, exact);
    return linear(at_times).unflatten(1, {count, -1});
  };
  for (int block = 0; block < config.depth; ++block) {
    const Weights layer = weights.scope("blocks." + std::to_string(block));
    blocks_.emplace_back(layer, config, placement);
    const Tensor vectors = vectors_of(layer, 9);
    for (std::size_t step = 0; step < times.size(); ++step) {
      const Tensor own = vectors.select(0, static_cast<std::int64_t>(step));
      auto branch = [&](int first) {
        return Modulation{own[first + 1] + 1, own[first].clone(), own[first + 2].clone()};
      };
      modulations_[step].push_back({.attn = branch(0), .mlp = branch(3), .conv = branch(6)});
    }
  }
  const Tensor vectors = vectors_of(weights.scope("final_layer"), 2);
  for (std::size_t step = 0; step < times.size(); ++step) {
    const Tensor own = vectors.select(0, static_cast<std::int64_t>(step));
    final_modulations_.push_back({own[1] + 1, own[0].clone(), Tensor()});
  }
}

// The sum over the branches stays in float32, whatever a branch is computed in.
Tensor Dit::operator()(const Tensor& input, int step, const DitPast& past) const {
  const at::ScalarType dtype = placement_.dtype;
  auto modulated = [&](const Tensor& x, const Modulation& by) {
    return at::layer_norm(x, by.scale.sizes(), by.scale, by.shift, adaptive_epsilon).to(dtype);
  };
  Tensor x = in_proj_(input.to(dtype)).to(at::kFloat);
  for (int i = 0; i < config_.depth; ++i) {
    const DitBlock& block = blocks_[static_cast<std::size_t>(i)];
    const BlockModulation& by = modulations_[static_cast<std::size_t>(step)][static_cast<std::size_t>(i)];
    x.addcmul_(by.attn.gate, block.attn(modulated(x, by.attn), step, i, past).to(at::kFloat));
    x.addcmul_(by.conv.gate, block.conv(modulated(x, by.conv), step, i, past).to(at::kFloat));
    x.addcmul_(by.mlp.gate, block.fc2(block.fc1(modulated(x, by.mlp))).to(at::kFloat));
  }
  return final_linear_(modulated(x, final_modulations_[static_cast<std::size_t>(step)])).to(at::kFloat);
}

DitCache Dit::new_cache(int steps, int frames, int streams) const {
  const auto options = at::TensorOptions(placement_.device).dtype(placement_.dtype);
  const std::int64_t before = blocks_.front().conv.taps() - 1, rows = streams * guidance_rows;
  const Tensor tails = at::zeros({steps, config_.depth, rows, 2, before, config_.hidden_size}, options);
  return {.attention = {{steps, config_.depth, rows}, config_.num_heads, config_.head_dim, frames, options},
          .tails = tails,
          .new_tails = at::empty_like(tails)};
}

}  // namespace parley::step_audio_2
