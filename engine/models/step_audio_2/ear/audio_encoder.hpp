// Step-Audio 2's audio encoder in ATen: Qwen2-Audio's (Chu et al. 2024), which began as Whisper large-v3's,
// with an average over pairs of positions before its last norm. Members carry the checkpoint's names; layers
// and their order are those of the reference.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "engine/layers/layer_norm.hpp"
#include "engine/layers/linear.hpp"
#include "engine/layers/time_conv.hpp"
#include "engine/models/step_audio_2/ear/config.hpp"

namespace parley::step_audio_2 {

// Attention over the positions of each piece of a batch, both ways.
struct EncoderAttention {
  EncoderAttention(const weights::Weights& weights, int width, int heads, const layers::Placement& placement);
  // x: [batch, positions, width]. `keys`: how many positions of all pieces are attended to; mask: none, or
  // what each piece may see of these, boolean [batch, 1, 1, keys].
  at::Tensor operator()(const at::Tensor& x, std::int64_t keys, const at::Tensor& mask) const;

  layers::Linear query, key, value, out;  // `key` has no bias
  int heads;
};

struct EncoderMlp {
  EncoderMlp(const weights::Weights& weights, int width, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  layers::Linear expand, contract;  // "0" and "2" in the checkpoint
};

struct EncoderBlock {
  EncoderBlock(const weights::Weights& weights, int width, int heads, const layers::Placement& placement);
  at::Tensor operator()(at::Tensor x, std::int64_t keys, const at::Tensor& mask) const;

  EncoderAttention attn;
  layers::LayerNorm attn_ln;
  EncoderMlp mlp;
  layers::LayerNorm mlp_ln;
};

struct AudioEncoder {
  AudioEncoder(const EarConfig& config, const weights::Weights& weights, const layers::Placement& placement);

  // features: [batch, frames, mels], normalised -> [batch, positions, width], what the first block reads
  at::Tensor embed(const at::Tensor& features) const;
  // Blocks `first` to `first + count`. keys[b]: positions of piece b that are attended to; all of them are
  // computed.
  at::Tensor run(at::Tensor x, std::span<const int> keys, int first, int count) const;
  // [batch, positions, width], of the last block -> [batch, positions / 2, width]: 25 a second
  at::Tensor pool(const at::Tensor& x) const;

  layers::TimeConv conv1, conv2;
  at::Tensor positional_embedding;  // [n_audio_ctx, width], as stored
  std::vector<EncoderBlock> blocks;
  layers::LayerNorm after_norm;
};

}  // namespace parley::step_audio_2
