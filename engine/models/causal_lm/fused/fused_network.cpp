#include "engine/models/causal_lm/fused/fused_network.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/attention.hpp"
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"

namespace parley::causal_lm {
namespace {

using kernels::Then;

constexpr int tokens_at_once = 128;    // of a long prefill: more would not be faster, but take more memory
constexpr int logits_at_once = 32;     // each takes a vocabulary of memory
constexpr int rows_worth_sharing = 8;  // small operations go to the team from so many rows on

kernels::MatrixView view_of(const CheckpointMatrix& matrix) {
  kernels::MatrixView view;
  view.outputs = matrix.outputs;
  view.inputs = matrix.inputs;
  view.weights = matrix.weight.bytes.data();
  view.mapped = matrix.weight.mapped;
  if (matrix.scale) {
    view.format = matrix.minimum ? kernels::Format::groups4 : kernels::Format::groups8;
    view.scales = matrix.scale->bytes.data();
    if (matrix.minimum) view.minima = matrix.minimum->bytes.data();
  } else if (matrix.weight.dtype != weights::Dtype::f32) {
    view.format = matrix.weight.dtype == weights::Dtype::f16 ? kernels::Format::f16 : kernels::Format::bf16;
  }
  return view;
}

std::optional<kernels::Format> format_of(Precision precision) {
  switch (precision) {
    case Precision::float32:
      return kernels::Format::f32;
    case Precision::bfloat16:
      return kernels::Format::bf16;
    case Precision::float16:
      return kernels::Format::f16;
    case Precision::int8:
      return kernels::Format::groups8;
    case Precision::as_stored:
      break;
  }
  return std::nullopt;
}

// One after the other, with zeros up to a whole number of panels; empty when all are.
std::vector<float> padded(std::initializer_list<const std::vector<float>*> parts) {
  std::vector<float> all;
  for (const std::vector<float>* part : parts) all.insert(all.end(), part->begin(), part->end());
  all.resize((all.size() + kernels::panel_rows - 1) / kernels::panel_rows * kernels::panel_rows);
  return all;
}

const float* data_or_null(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

void grow(std::vector<float>& values, int rows, int width) {
  const auto size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
  if (values.size() < size) values.resize(size);
}

float* row_of(std::vector<float>& values, int row, int width) {
  return values.data() + static_cast<std::ptrdiff_t>(row) * width;
}

}  // namespace

bool FusedNetwork::supports(const DecoderConfig& config) {
  return kernels::attention_supports(config.head_dim);
}

FusedNetwork::FusedNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                           Precision precision, int threads)
    : config_(config),
      kv_shape_{config.num_hidden_layers, config.num_key_value_heads, config.head_dim},
      rotary_(config),
      team_(threads),
      norm_(checkpoint.norm),
      worker_memory_(static_cast<std::size_t>(team_.size())) {
  const std::optional<kernels::Format> format = format_of(precision);
  embed_tokens_ = kernels::Matrix::pack(team_, view_of(checkpoint.embed_tokens), format);
  for (const CheckpointLayer& layer : checkpoint.layers) layers_.push_back(pack(layer, format));
  if (checkpoint.lm_head) lm_head_ = kernels::Matrix::pack(team_, view_of(*checkpoint.lm_head), format);
}

FusedNetwork::Layer FusedNetwork::pack(const CheckpointLayer& from, std::optional<kernels::Format> format) {
  const std::array qkv{view_of(from.q_proj), view_of(from.k_proj), view_of(from.v_proj)};
  Layer layer;
  layer.input_layernorm = from.input_layernorm;
  layer.qkv_proj = kernels::Matrix::pack(team_, qkv, format);
  layer.qkv_bias = padded({&from.q_bias, &from.k_bias, &from.v_bias});
  layer.o_proj = kernels::Matrix::pack(team_, view_of(from.o_proj), format);
  layer.o_bias = padded({&from.o_bias});
  layer.post_attention_layernorm = from.post_attention_layernorm;
  layer.gate_up_proj =
      kernels::Matrix::pack_gated(team_, view_of(from.gate_proj), view_of(from.up_proj), format);
  layer.down_proj = kernels::Matrix::pack(team_, view_of(from.down_proj), format);
  return layer;
}

std::unique_ptr<KvCache> FusedNetwork::new_cache() const { return std::make_unique<KvBlocks>(kv_shape_); }

std::size_t FusedNetwork::kv_bytes_per_token() const {
  return kv_shape_.block_bytes() / kernels::piece_positions;
}

std::size_t FusedNetwork::weight_bytes() const {
  std::size_t bytes = embed_tokens_.bytes() + lm_head_.bytes();
  for (const Layer& layer : layers_)
    bytes +=
        layer.qkv_proj.bytes() + layer.o_proj.bytes() + layer.gate_up_proj.bytes() + layer.down_proj.bytes();
  return bytes;
}

void FusedNetwork::read(std::span<const ReadRow> rows) {
  // One after the other: a piece of one conversation keeps the processor as busy as pieces of several.
  for (const ReadRow& row : rows) read_in_pieces(row, tokens_at_once, [](int, int) {});
}

void FusedNetwork::read_all(const ReadRow& row, std::span<float> logits) {
  read_in_pieces(row, logits_at_once, [&](int first, int count) {
    write_logits(count, logits.data() + static_cast<std::ptrdiff_t>(first) * config_.vocab_size);
  });
}

// Calls then(first, count) after each piece, whose hidden states are in x_.
template <typename Then>
void FusedNetwork::read_in_pieces(const ReadRow& row, int piece, Then&& then) {
  auto& blocks = dynamic_cast<KvBlocks&>(*row.cache);
  const int count = static_cast<int>(row.ids.size());
  blocks.reserve(row.past, row.past + count);
  std::vector<Token> tokens;
  for (int first = 0; first < count; first += piece) {
    tokens.clear();
    for (int at = first; at < std::min(count, first + piece); ++at)
      tokens.push_back({&blocks, row.past + at, row.ids[static_cast<std::size_t>(at)]});
    forward(tokens, /*same_cache=*/true);
    then(first, static_cast<int>(tokens.size()));
  }
}

void FusedNetwork::step(std::span<const StepRow> rows, std::span<float> logits) {
  std::vector<Token> tokens;
  for (const StepRow& row : rows) {
    auto& blocks = dynamic_cast<KvBlocks&>(*row.cache);
    blocks.reserve(row.position, row.position + 1);
    tokens.push_back({&blocks, row.position, row.token});
  }
  forward(tokens, /*same_cache=*/false);
  write_logits(static_cast<int>(rows.size()), logits.data());
}

void FusedNetwork::write_logits(int rows, float* logits) {
  norm(norm_, rows);
  kernels::multiply(team_, output_matrix(), normed_.data(), rows, {logits}, workspace_);
}

void FusedNetwork::forward(std::span<const Token> tokens, bool same_cache) {
  const int rows = static_cast<int>(tokens.size());
  grow(x_, rows, config_.hidden_size);
  grow(normed_, rows, config_.hidden_size);
  grow(qkv_, rows, config_.query_width() + 2 * config_.kv_width());
  grow(mixed_, rows, config_.query_width());
  grow(gated_, rows, config_.intermediate_size);
  embed(tokens);
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    const Layer& layer = layers_[index];
    norm(layer.input_layernorm, rows);
    kernels::multiply(team_, layer.qkv_proj, normed_.data(), rows,
                      {qkv_.data(), data_or_null(layer.qkv_bias)}, workspace_);
    attention(static_cast<int>(index), tokens, same_cache);
    kernels::multiply(team_, layer.o_proj, mixed_.data(), rows,
                      {x_.data(), data_or_null(layer.o_bias), Then::add}, workspace_);
    norm(layer.post_attention_layernorm, rows);
    kernels::multiply(team_, layer.gate_up_proj, normed_.data(), rows, {gated_.data(), nullptr, Then::gate},
                      workspace_);
    kernels::multiply(team_, layer.down_proj, gated_.data(), rows, {x_.data(), nullptr, Then::add},
                      workspace_);
  }
}

void FusedNetwork::embed(std::span<const Token> tokens) {
  const int pairs = rotary_.pairs();
  grow(cosines_, static_cast<int>(tokens.size()), pairs);
  grow(sines_, static_cast<int>(tokens.size()), pairs);
  for (int row = 0; const Token& token : tokens) {
    float* x = row_of(x_, row, config_.hidden_size);
    if (token.id < 0)
      std::copy_n(EmbeddedRows::find(token.id).values, config_.hidden_size, x);
    else
      embed_tokens_.row(token.id, x);
    rotary_.angles(token.position, row_of(cosines_, row, pairs), row_of(sines_, row, pairs));
    ++row;
  }
}

void FusedNetwork::norm(const std::vector<float>& weight, int rows) {
  const auto norm_row = [&](int row, int) {
    kernels::functions().rms_norm(row_of(x_, row, config_.hidden_size), weight.data(), config_.rms_norm_eps,
                                  config_.hidden_size, row_of(normed_, row, config_.hidden_size));
  };
  if (rows >= rows_worth_sharing)
    team_.run(rows, norm_row);
  else
    for (int row = 0; row < rows; ++row) norm_row(row, 0);
}

// Rows of different conversations append and attend in one go. Tokens of the same one must all be appended
// before the first of the later ones attends.
void FusedNetwork::attention(int layer, std::span<const Token> tokens, bool same_cache) {
  const int heads = config_.num_key_value_heads;
  int longest = 0;
  for (const Token& token : tokens) longest = std::max(longest, token.position + 1);
  const int pieces = (longest + kernels::piece_positions - 1) / kernels::piece_positions;
  const int together = std::min(config_.heads_a_kv_head(), kernels::heads_at_once);
  for (WorkerMemory& memory : worker_memory_) {
    grow(memory.queries, config_.heads_a_kv_head(), config_.head_dim);
    grow(memory.key, 1, config_.head_dim);
    grow(memory.scores, together, pieces * kernels::piece_positions);
    if (memory.pieces.size() < static_cast<std::size_t>(pieces))
      memory.pieces.resize(static_cast<std::size_t>(pieces));
  }
  const int tasks = static_cast<int>(tokens.size()) * heads;
  const auto each = [&](auto&& work) {
    team_.run(tasks, [&](int task, int worker) {
      const int row = task / heads;
      work(layer, task % heads, tokens[static_cast<std::size_t>(row)], row,
           worker_memory_[static_cast<std::size_t>(worker)]);
    });
  };
  const auto append = [this](auto&&... arguments) { append_head(arguments...); };
  const auto attend = [this](auto&&... arguments) { attend_head(arguments...); };
  if (same_cache) {
    each(append);
    each(attend);
  } else {
    each([&](auto&&... arguments) {
      append(arguments...);
      attend(arguments...);
    });
  }
}

void FusedNetwork::append_head(int layer, int head, const Token& token, int row, WorkerMemory& memory) {
  const int width = config_.head_dim;
  const float* qkv = row_of(qkv_, row, config_.query_width() + 2 * config_.kv_width());
  const float* key = qkv + config_.query_width() + head * width;
  kernels::functions().rotate(key, row_of(cosines_, row, width / 2), row_of(sines_, row, width / 2), width,
                              memory.key.data());
  kernels::functions().append(token.cache->piece(token.position, layer, head),
                              token.position % kernels::piece_positions, memory.key.data(),
                              key + config_.kv_width(), width);
}

void FusedNetwork::attend_head(int layer, int head, const Token& token, int row, WorkerMemory& memory) {
  const int width = config_.head_dim;
  const int heads = config_.heads_a_kv_head();
  const int first = head * heads * width;
  const float* queries = row_of(qkv_, row, config_.query_width() + 2 * config_.kv_width()) + first;
  for (int query = 0; query < heads; ++query)
    kernels::functions().rotate(queries + query * width, row_of(cosines_, row, width / 2),
                                row_of(sines_, row, width / 2), width, memory.queries.data() + query * width);
  const int length = token.position + 1;
  token.cache->pieces(layer, head, length, memory.pieces.data());
  kernels::functions().attend(memory.queries.data(), heads, width, {memory.pieces.data(), length},
                              memory.scores.data(), row_of(mixed_, row, config_.query_width()) + first);
}

}  // namespace parley::causal_lm
