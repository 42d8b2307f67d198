#include "engine/models/step_audio_2/token2wav/flow_encoder.hpp"

#include <cmath>
#include <string>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr double conformer_epsilon = 1e-12;
constexpr double lookahead_slope = 0.01;  // of the leaky ReLU between the look-ahead's convolutions
constexpr int lookahead_tail_frames = 2;
constexpr int lookahead_back_taps = lookahead_tail_frames + 1;

std::vector<ConformerLayer> conformer_layers(const weights::Weights& weights, int count,
                                             const FlowEncoderConfig& config,
                                             const layers::Placement& placement) {
  std::vector<ConformerLayer> layers;
  for (int i = 0; i < count; ++i) layers.emplace_back(weights.scope(std::to_string(i)), config, placement);
  return layers;
}

Tensor conv_matrix(const weights::Weights& weights, int size, int taps, const layers::Placement& placement) {
  return layers::place(weights, "weight", {size, size, taps}, placement).transpose(1, 2).flatten(1);
}

Tensor last_frames(const Tensor& x, std::int64_t count) { return x.narrow(0, x.size(0) - count, count); }

}  // namespace

ConformerLayer::ConformerLayer(const weights::Weights& weights, const FlowEncoderConfig& config,
                               const layers::Placement& placement)
    : norm_mha(weights.scope("norm_mha"), config.output_size, placement, conformer_epsilon),
      norm_ff(weights.scope("norm_ff"), config.output_size, placement, conformer_epsilon),
      self_attn(weights.scope("self_attn"), config.output_size, config.attention_heads, placement),
      w_1(weights.scope("feed_forward.w_1"), config.output_size, config.linear_units, placement,
          /*has_bias=*/true, Activation::silu),
      w_2(weights.scope("feed_forward.w_2"), config.linear_units, config.output_size, placement) {}

Tensor ConformerLayer::operator()(Tensor x, const Tensor& keys, const Tensor& values,
                                  std::span<const RelativeAttention::Seen> seen) const {
  x = x + self_attn(norm_mha(x), keys, values, seen);
  return x + w_2(w_1(norm_ff(x)));
}

InputLayer::InputLayer(const weights::Weights& weights, const FlowEncoderConfig& config,
                       const layers::Placement& placement)
    : linear(weights.scope("out.0"), config.input_size, config.output_size, placement),
      norm(weights.scope("out.1"), config.output_size, placement) {}

Tensor InputLayer::operator()(const Tensor& x) const {
  return norm(linear(x)) * std::sqrt(static_cast<double>(norm.weight.size(0)));
}

FrameConv::FrameConv(const weights::Weights& weights, int size, int taps_, const layers::Placement& placement)
    : linear(conv_matrix(weights, size, taps_, placement), layers::place(weights, "bias", {size}, placement)),
      taps(taps_) {}

Tensor FrameConv::operator()(const Tensor& x) const {
  const Tensor frames = x.contiguous();
  const std::int64_t size = frames.size(1);
  return linear(
      frames.as_strided({frames.size(0) - taps + 1, taps * size}, {size, 1}, frames.storage_offset()));
}

FlowEncoder::FlowEncoder(const weights::Weights& weights, const FlowEncoderConfig& config,
                         const layers::Placement& placement)
    : config_(config),
      options_(at::TensorOptions(placement.device).dtype(placement.dtype)),
      embed(weights.scope("embed"), config, placement),
      up_embed(weights.scope("up_embed"), config, placement),
      conv1(weights.scope("pre_lookahead_layer.conv1"), config.output_size, config.pre_lookahead_len + 1,
            placement),
      conv2(weights.scope("pre_lookahead_layer.conv2"), config.output_size, lookahead_back_taps, placement),
      up_conv(weights.scope("up_layer.conv"), config.output_size, 2 * config.up_stride + 1, placement),
      encoders(conformer_layers(weights.scope("encoders"), config.num_blocks, config, placement)),
      up_encoders(conformer_layers(weights.scope("up_encoders"), config.num_up_blocks, config, placement)),
      after_norm(weights.scope("after_norm"), config.output_size, placement) {}

EncoderState FlowEncoder::new_state(int tokens) const {
  const int heads = config_.attention_heads, width = config_.output_size / heads;
  return {.lower = {{config_.num_blocks}, heads, width, tokens, options_},
          .upper = {{config_.num_up_blocks}, heads, width, config_.up_stride * tokens, options_},
          .lookahead_tail = at::zeros({lookahead_tail_frames, config_.output_size}, options_),
          .up_tail = at::zeros({2 * config_.up_stride, config_.output_size}, options_),
          .tokens = 0};
}

FlowEncoder::Stretches FlowEncoder::lower_stretches(const Job& job) const {
  Stretches stretches;
  if (job.prompt) {
    const int tokens = static_cast<int>(job.prompt->lower_keys.size(2));
    stretches.push_back({tokens, -job.state->tokens - tokens});
  }
  const int filled = job.state->lower.frames();
  stretches.push_back({filled + job.tokens, -filled});
  return stretches;
}

FlowEncoder::Stretches FlowEncoder::upper_stretches(const Job& job) const {
  Stretches stretches;
  if (job.prompt) {
    const int frames = static_cast<int>(job.prompt->upper_keys.size(2));
    stretches.push_back({frames, -config_.up_stride * job.state->tokens - frames});
  }
  const int filled = job.state->upper.frames();
  stretches.push_back({filled + config_.up_stride * job.tokens, -filled});
  return stretches;
}

// The distances' keys depend on nothing that the layers compute, so all layers' are made at once by the crew.
void FlowEncoder::run(Crew& crew, std::span<Job> jobs) const {
  for (Job& job : jobs) {
    job.tokens = static_cast<int>(job.embeddings.size(0)) - (job.last ? 0 : config_.pre_lookahead_len);
    job.state->lower.make_room(job.tokens);
    job.state->upper.make_room(config_.up_stride * job.tokens);
  }
  const std::size_t lower_layers = encoders.size(), layers = lower_layers + up_encoders.size();
  std::vector<std::vector<Tensor>> lower_encodings(jobs.size()), upper_encodings(jobs.size());
  crew.run(static_cast<int>(2 * jobs.size()), [&](int task) {
    const std::size_t index = static_cast<std::size_t>(task) / 2;
    const Job& job = jobs[index];
    const bool upper = task % 2 == 1;
    for (const Stretch& stretch : upper ? upper_stretches(job) : lower_stretches(job))
      (upper ? upper_encodings : lower_encodings)[index].push_back(distance_encodings(
          upper ? config_.up_stride * job.tokens : job.tokens, stretch, config_.output_size, options_));
  });
  // distances[job][layer][stretch]
  std::vector<std::vector<std::vector<Tensor>>> distances(jobs.size(),
                                                          std::vector<std::vector<Tensor>>(layers));
  crew.run(static_cast<int>(jobs.size() * layers), [&](int task) {
    const std::size_t index = static_cast<std::size_t>(task) / layers;
    const std::size_t layer = layers - 1 - static_cast<std::size_t>(task) % layers;  // the upper take longer
    const bool upper = layer >= lower_layers;
    const RelativeAttention& attention =
        upper ? up_encoders[layer - lower_layers].self_attn : encoders[layer].self_attn;
    for (const Tensor& encodings : (upper ? upper_encodings : lower_encodings)[index])
      distances[index][layer].push_back(attention.distances(encodings));
  });
  crew.run(static_cast<int>(jobs.size()), [&](int task) {
    const auto index = static_cast<std::size_t>(task);
    encode(jobs[index], distances[index]);
  });
}

void FlowEncoder::encode(Job& job, const std::vector<std::vector<Tensor>>& distances) const {
  EncoderState& state = *job.state;
  const EncoderPrompt no_prompt;
  const EncoderPrompt& prompt = job.prompt ? *job.prompt : no_prompt;
  Tensor x = embed(job.embeddings);
  if (job.last) x = at::constant_pad_nd(x, {0, 0, 0, config_.pre_lookahead_len});
  const Tensor own = x.narrow(0, 0, job.tokens);
  Tensor ahead = at::cat({state.lookahead_tail, at::leaky_relu(conv1(x), lookahead_slope)});
  job.lookahead_tail = last_frames(ahead, lookahead_tail_frames).clone();
  x = conv2(ahead) + own;

  const auto all = std::span(distances);
  x = run_layers(encoders, x, prompt.lower_keys, prompt.lower_values, state.lower,
                 all.first(encoders.size()));

  x = at::cat({state.up_tail, x.repeat_interleave(config_.up_stride, 0)});
  job.up_tail = last_frames(x, state.up_tail.size(0)).clone();
  x = up_embed(up_conv(x));
  x = run_layers(up_encoders, x, prompt.upper_keys, prompt.upper_values, state.upper,
                 all.subspan(encoders.size()));
  job.encoded = after_norm(x);
}

Tensor FlowEncoder::run_layers(const std::vector<ConformerLayer>& layers, Tensor x, const Tensor& prompt_keys,
                               const Tensor& prompt_values, FrameCache& cache,
                               std::span<const std::vector<Tensor>> distances) const {
  const std::int64_t filled = cache.frames(), staged = x.size(0);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto layer = static_cast<std::int64_t>(i);
    const Tensor keys = cache.keys.select(0, layer), values = cache.values.select(0, layer);
    std::vector<RelativeAttention::Seen> seen;
    if (prompt_keys.defined())
      seen.push_back({prompt_keys.select(0, layer), prompt_values.select(0, layer), distances[i].front()});
    seen.push_back(
        {keys.narrow(1, 0, filled + staged), values.narrow(1, 0, filled + staged), distances[i].back()});
    x = layers[i](x, keys.narrow(1, filled, staged), values.narrow(1, filled, staged), seen);
  }
  return x;
}

}  // namespace parley::step_audio_2
