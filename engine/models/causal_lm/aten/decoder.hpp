// The decoder of Llama and Qwen2 (Touvron et al. 2023; Yang et al. 2024): from tokens to logits, on keys and
// values in pages.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "engine/models/causal_lm/aten/decode_step.hpp"
#include "engine/models/causal_lm/aten/decoder_layers.hpp"
#include "engine/models/causal_lm/aten/kv_pages.hpp"
#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"

namespace parley::causal_lm {

// A pass that reads a piece of each of some conversations.
struct ReadPass {
  // Tokens of one cache: consecutive rows of the pass.
  struct Run {
    int past;
    std::int64_t tokens;
    at::Tensor pages;  // of the cache
  };
  std::vector<int> ids;                 // of all runs, one after the other
  std::vector<std::int64_t> positions;  // of each in its conversation
  std::vector<std::int64_t> places;     // of each in the pool
  std::vector<Run> runs;
};

class Decoder {
 public:
  Decoder(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, const Placing& placing);

  at::Tensor embed(const std::vector<int>& ids) const;  // [tokens, hidden]; ids below 0 are EmbeddedRows
  at::Tensor embed(const at::Tensor& tokens) const { return embed_tokens.index_select(0, tokens); }

  // Reads all of the pass: hidden states [tokens, hidden] after the last norm.
  at::Tensor read(const ReadPass& pass, const KvPool& pool) const;
  // Reads x [rows, hidden], the step's tokens: logits [rows, vocabulary] of what follows. Fixed shapes, and
  // no look at a number: a graph can hold it.
  at::Tensor step(const at::Tensor& x, const DecodeStep& step, const KvPool& pool) const;
  at::Tensor logits_of(const at::Tensor& hidden_states) const {
    return lm_head(hidden_states).to(at::kFloat);
  }

  std::size_t weight_bytes() const;

 private:
  template <typename Attend>
  at::Tensor forward(at::Tensor x, const at::Tensor& positions, const at::Tensor& places, const KvPool& pool,
                     const Attend& attend) const;
  at::Tensor split_heads(const at::Tensor& x) const;
  void place_angles();

  DecoderConfig config_;
  at::TensorOptions options_;
  at::Tensor embed_tokens;  // [vocabulary, hidden]
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;
  at::Tensor cosines_, sines_;  // [context, head_dim]
};

}  // namespace parley::causal_lm
