#include "engine/models/step_audio_2/token2wav/relative_attention.hpp"

#include <cmath>

#include "engine/models/step_audio_2/token2wav/attend.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr double longest_period = 10000;  // of the encodings' sines, over 2 pi

PackedLinear query_key_value(const weights::Weights& weights, int size, const layers::Placement& placement) {
  std::vector<Tensor> matrices, biases;
  for (const char* name : {"linear_q", "linear_k", "linear_v"}) {
    matrices.push_back(layers::place(weights.scope(name), "weight", {size, size}, placement));
    biases.push_back(layers::place(weights.scope(name), "bias", {size}, placement));
  }
  return {at::cat(matrices), at::cat(biases)};
}

}  // namespace

Tensor distance_encodings(int queries, const Stretch& stretch, int size, const at::TensorOptions& options) {
  // In float64: after an hour a distance has no place left behind the point in float32.
  const auto exact = at::TensorOptions(at::kDouble);
  const std::int64_t farthest = queries - 1 - stretch.start;
  const Tensor distances =
      at::arange(farthest, farthest - (queries + stretch.frames - 1), -1, exact).unsqueeze(1);
  const Tensor frequencies = at::exp(at::arange(0, size, 2, exact) * (-std::log(longest_period) / size));
  const Tensor angles = distances * frequencies;
  return at::stack({angles.sin(), angles.cos()}, 2).flatten(1).to(options);
}

RelativeAttention::RelativeAttention(const weights::Weights& weights, int size, int heads_,
                                     const layers::Placement& placement)
    : linear_qkv(query_key_value(weights, size, placement)),
      linear_pos(weights.scope("linear_pos"), size, size, placement, /*has_bias=*/false),
      linear_out(weights.scope("linear_out"), size, size, placement),
      pos_bias_u(layers::place(weights, "pos_bias_u", {heads_, size / heads_}, placement).unsqueeze(1)),
      pos_bias_v(layers::place(weights, "pos_bias_v", {heads_, size / heads_}, placement).unsqueeze(1)),
      heads(heads_) {}

Tensor RelativeAttention::distances(const Tensor& encodings) const {
  return linear_pos(encodings).unflatten(1, {heads, -1}).transpose(0, 1);
}

Tensor RelativeAttention::operator()(const Tensor& x, Tensor keys, Tensor values,
                                     std::span<const Seen> seen) const {
  const Tensor qkv =
      linear_qkv(x).unflatten(1, {3, heads, -1}).permute({1, 2, 0, 3});  // [3, heads, time, width]
  keys.copy_(qkv[1]);
  values.copy_(qkv[2]);
  const std::int64_t queries = x.size(0);
  const double scale = 1 / std::sqrt(static_cast<double>(qkv.size(3)));
  const Tensor q = qkv[0];
  const Tensor to_content = (q + pos_bias_u) * scale;
  const Tensor to_place = (q + pos_bias_v) * scale;
  std::vector<Segment> segments;
  for (const Seen& stretch : seen) {
    // by_distance[i, m] belongs to distance farthest - m; query i sees key j at m = (queries - 1 - i) + j, so
    // a row's scores begin one place further left than those of the row above.
    const Tensor by_distance = at::bmm(to_place, stretch.distances.transpose(1, 2));  // [heads, queries, m]
    const std::int64_t width = by_distance.size(2), frames = stretch.keys.size(1);
    const Tensor by_key =
        by_distance.as_strided({heads, queries, frames}, {queries * width, width - 1, 1}, queries - 1);
    segments.push_back({stretch.keys, stretch.values, by_key});
  }
  const Tensor mixed = attend(to_content, segments);  // [heads, queries, width]
  return linear_out(mixed.transpose(0, 1).flatten(1));
}

}  // namespace parley::step_audio_2
