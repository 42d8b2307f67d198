// The decoder on the CPU's own kernels: a layer is five parallel regions, and everything between two of them
// is done by the thread that calls.
//
//   normed = rms_norm(x)                         x [tokens, hidden]
//   qkv    = normed W_qkv^T                      region 1
//   mixed  = attention(rotated q; past, k, v)    region 2: rotation, append and attention of one head
//   x     += mixed W_o^T                         region 3
//   normed = rms_norm(x)
//   gated  = silu(normed W_gate^T) * (normed W_up^T)    region 4
//   x     += gated W_down^T                      region 5
//
// A token's numbers do not depend on what else is read with it, so prefill in pieces of any size and steps in
// any mix agree bit for bit.
#pragma once

#include <optional>
#include <vector>

#include "engine/kernels/multiply.hpp"
#include "engine/kernels/team.hpp"
#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/models/causal_lm/decoder/network.hpp"
#include "engine/models/causal_lm/decoder/precision.hpp"
#include "engine/models/causal_lm/decoder/rotary.hpp"
#include "engine/models/causal_lm/fused/kv_blocks.hpp"

namespace parley::causal_lm {

class FusedNetwork final : public Network {
 public:
  // Whether the kernels can run such a decoder.
  static bool supports(const DecoderConfig& config);

  // `threads` as in Team. The checkpoint is copied into the kernels' own order, floats rounded to `precision`
  // on the way, and not needed afterwards; pages of its files are given back as they are read.
  FusedNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, Precision precision,
               int threads);

  std::unique_ptr<KvCache> new_cache() const override;
  std::size_t kv_bytes_per_token() const override;
  std::size_t weight_bytes() const override;
  void read(std::span<const ReadRow> rows) override;
  void read_all(const ReadRow& row, std::span<float> logits) override;
  void step(std::span<const StepRow> rows, std::span<float> logits) override;

 private:
  struct Layer {
    std::vector<float> input_layernorm;  // [hidden]
    kernels::Matrix qkv_proj;            // [q + k + v, hidden]
    std::vector<float> qkv_bias;         // padded for the kernels, or empty
    kernels::Matrix o_proj;
    std::vector<float> o_bias;
    std::vector<float> post_attention_layernorm;
    kernels::Matrix gate_up_proj;  // gated
    kernels::Matrix down_proj;
  };
  struct Token {
    KvBlocks* cache;
    int position;
    int id;
  };
  // What one worker needs for attention.
  struct WorkerMemory {
    std::vector<float> queries;  // [heads a kv head, head_dim], rotated
    std::vector<float> key;      // [head_dim], rotated
    std::vector<float> scores;
    std::vector<const std::byte*> pieces;
  };

  Layer pack(const CheckpointLayer& from, std::optional<kernels::Format> format);
  template <typename Then>
  void read_in_pieces(const ReadRow& row, int piece, Then&& then);
  void write_logits(int rows, float* logits);                    // of x_
  void forward(std::span<const Token> tokens, bool same_cache);  // into x_
  void embed(std::span<const Token> tokens);
  void norm(const std::vector<float>& weight, int rows);  // x_ into normed_
  void attention(int layer, std::span<const Token> tokens, bool same_cache);
  void append_head(int layer, int head, const Token& token, int row, WorkerMemory& memory);
  void attend_head(int layer, int head, const Token& token, int row, WorkerMemory& memory);
  const kernels::Matrix& output_matrix() const { return lm_head_.panels() > 0 ? lm_head_ : embed_tokens_; }

  DecoderConfig config_;
  KvShape kv_shape_;
  Rotary rotary_;
  kernels::Team team_;
  kernels::Matrix embed_tokens_;
  std::vector<Layer> layers_;
  std::vector<float> norm_;
  kernels::Matrix lm_head_;  // empty where it is embed_tokens_

  kernels::Workspace workspace_;
  std::vector<WorkerMemory> worker_memory_;
  std::vector<float> x_, normed_, qkv_, mixed_, gated_;  // [tokens, ...]
  std::vector<float> cosines_, sines_;                   // [tokens, head_dim / 2]
};

}  // namespace parley::causal_lm
