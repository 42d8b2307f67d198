#include "engine/models/step_audio_2/speaker/fsmn_attention.hpp"

#include <cmath>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr double theta = 10000.0;

}  // namespace

Rotation::Rotation(std::int64_t frames, const layers::Placement& placement) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(placement.device);
  const Tensor frequencies = at::pow(theta, at::arange(0, head_width, 2, options) / head_width).reciprocal();
  const Tensor half = at::outer(at::arange(frames, options), frequencies);  // [frames, 32]
  const Tensor angles = at::cat({half, half}, 1).unsqueeze(1);
  cosines = angles.cos().to(placement.dtype);
  sines = angles.sin().to(placement.dtype);
}

Tensor Rotation::operator()(const Tensor& x, std::int64_t begin) const {
  const auto halves = x.chunk(2, -1);
  const Tensor crossed = at::cat({-halves[1], halves[0]}, -1);
  const std::int64_t end = begin + x.size(0);
  return x * cosines.slice(0, begin, end) + crossed * sines.slice(0, begin, end);
}

FsmnAttention::FsmnAttention(const weights::Weights& weights, int width, const layers::Placement& placement)
    : query(weights.scope("query"), width, width, placement),
      key(weights.scope("key"), width, width, placement, /*has_bias=*/false),
      value(weights.scope("value"), width, width, placement),
      out(weights.scope("out"), width, width, placement),
      fsmn_block(
          layers::place(weights.scope("fsmn_block"), "weight", {width, 1, weights::any_size}, placement)
              .squeeze(1)
              .t()
              .contiguous()),
      heads(width / Rotation::head_width) {}

FsmnAttention::Projections FsmnAttention::room_for(std::int64_t frames) const {
  const std::int64_t width = query.weight.size(0), taps = fsmn_block.size(0);
  const auto options = query.weight.options();
  return {.frames = frames,
          .queries = at::empty({frames, heads, Rotation::head_width}, options),
          .keys = at::empty({frames, heads, Rotation::head_width}, options),
          .values = at::zeros({frames + taps - 1, width}, options)};
}

void FsmnAttention::project(const Tensor& x, std::int64_t begin, const Rotation& rotation,
                            Projections& to) const {
  const std::int64_t end = begin + x.size(0), before = (fsmn_block.size(0) - 1) / 2;
  const double scale = std::pow(Rotation::head_width, -0.25);
  auto turned = [&](const layers::Linear& projection) {
    return rotation(projection(x).unflatten(1, {heads, Rotation::head_width}), begin) * scale;
  };
  to.queries.slice(0, begin, end).copy_(turned(query));
  to.keys.slice(0, begin, end).copy_(turned(key));
  to.values.slice(0, before + begin, before + end).copy_(value(x));
}

Tensor FsmnAttention::attend(const Projections& all, std::int64_t begin, std::int64_t end) const {
  const std::int64_t taps = fsmn_block.size(0), before = (taps - 1) / 2;
  const Tensor own_values = all.values.slice(0, before, before + all.frames);
  const Tensor queries = all.queries.slice(0, begin, end).transpose(0, 1);  // [heads, rows, 64]
  const Tensor keys = all.keys.permute({1, 2, 0});                          // [heads, 64, frames]
  const Tensor values =
      own_values.unflatten(1, {heads, Rotation::head_width}).transpose(0, 1);  // [heads, frames, 64]
  const Tensor mixed = at::matmul(at::softmax(at::matmul(queries, keys), -1), values);

  Tensor memory = own_values.slice(0, begin, end).clone();
  for (std::int64_t tap = 0; tap < taps; ++tap)
    memory.addcmul_(all.values.slice(0, begin + tap, end + tap), fsmn_block[tap]);
  return out(mixed.transpose(0, 1).flatten(1)) + memory;
}

}  // namespace parley::step_audio_2
