#include "engine/models/step_audio_2/speaker/attention_block.hpp"

#include "engine/models/step_audio_2/speaker/extent.hpp"

namespace parley::step_audio_2 {

AttentionBlock::AttentionBlock(const weights::Weights& weights, int width, const layers::Placement& placement)
    : AttentionBlock(weights, width, extent(weights, "mlp.0.weight", 2, 0), placement) {}

AttentionBlock::AttentionBlock(const weights::Weights& weights, int width, int mlp_width,
                               const layers::Placement& placement)
    : attn(weights.scope("attn"), width, placement),
      attn_ln(weights.scope("attn_ln"), width, placement),
      mlp_0(weights.scope("mlp.0"), width, mlp_width, placement),
      mlp_2(weights.scope("mlp.2"), mlp_width, width, placement),
      mlp_ln(weights.scope("mlp_ln"), width, placement) {}

void AttentionBlock::operator()(at::Tensor& x, const Rotation& rotation, const TimeSlices& slices) const {
  const std::int64_t frames = x.size(0);
  FsmnAttention::Projections all = attn.room_for(frames);
  slices.run(frames, [&](std::int64_t begin, std::int64_t end) {
    attn.project(attn_ln(x.slice(0, begin, end)), begin, rotation, all);
  });
  slices.run(frames, [&](std::int64_t begin, std::int64_t end) {
    at::Tensor rows = x.slice(0, begin, end);
    rows.add_(attn.attend(all, begin, end));
    rows.add_(mlp_2(at::gelu(mlp_0(mlp_ln(rows)))));
  });
}

}  // namespace parley::step_audio_2
