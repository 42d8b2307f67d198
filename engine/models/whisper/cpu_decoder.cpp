#include "engine/models/whisper/cpu_decoder.hpp"

#include <algorithm>
#include <cstring>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/numbers.hpp"
#include "engine/layers/cpu/stored.hpp"

namespace parley::whisper {
namespace {

using kernels::piece_positions;
using kernels::Then;

std::size_t index(int row, int width) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width);
}

int pieces_for(int positions) { return (positions + piece_positions - 1) / piece_positions; }

template <typename Vector>
void grow_to(Vector& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

}  // namespace

void Pieces::grow(int positions) {
  const std::size_t bytes = at(layers_, 0);
  while (static_cast<int>(memory_.size()) < pieces_for(positions))
    memory_.push_back(std::make_unique<std::byte[]>(bytes));  // zeros: kernels read whole pieces
  positions_ = positions;
}

void Pieces::append(int layer, int head, int position, const float* key, const float* value) {
  std::byte* piece = memory_[slot(position / piece_positions)].get() + at(layer, head);
  kernels::functions().append(piece, position % piece_positions, key, value, head_width_);
}

void Pieces::view(int layer, int head, std::vector<const std::byte*>& views) const {
  views.clear();
  for (int piece = 0; piece < count(); ++piece) views.push_back(memory_[slot(piece)].get() + at(layer, head));
}

CpuDecoder::CpuDecoder(kernels::Team& team, const Config& config, const weights::Weights& weights)
    : team_(team),
      config_(config),
      width_(config.d_model),
      heads_(config.decoder_attention_heads),
      head_width_(width_ / heads_),
      embed_tokens_(weights.get("embed_tokens.weight", {config.vocab_size, width_})),
      embed_positions_(
          layers::floats_of(weights.get("embed_positions.weight", {config.max_target_positions, width_}))),
      layer_norm_(weights.scope("layer_norm"), width_),
      scratch_(static_cast<std::size_t>(team.size())) {
  const kernels::Rounded rounded = kernels::round_to_groups8(team, layers::view_of(embed_tokens_));
  output_.matrix = kernels::Matrix::pack(team, rounded.view);
  output_.bias.resize(static_cast<std::size_t>(output_.matrix.panels()) * kernels::panel_rows);
  const int inner = config.decoder_ffn_dim;
  for (int i = 0; i < config.decoder_layers; ++i) {
    const weights::Weights layer = weights.scope("layers." + std::to_string(i));
    const weights::Weights self = layer.scope("self_attn"), cross = layer.scope("encoder_attn");
    layers_.push_back({{layer.scope("self_attn_layer_norm"), width_},
                       {team, self, {"q_proj", "k_proj", "v_proj"}, width_, width_},
                       {team, self, {"out_proj"}, width_, width_},
                       {layer.scope("encoder_attn_layer_norm"), width_},
                       {team, cross, {"q_proj"}, width_, width_},
                       {team, cross, {"k_proj", "v_proj"}, width_, width_},
                       {team, cross, {"out_proj"}, width_, width_},
                       {layer.scope("final_layer_norm"), width_},
                       {team, layer, {"fc1"}, width_, inner},
                       {team, layer, {"fc2"}, inner, width_},
                       {}});
  }
}

std::size_t CpuDecoder::weight_bytes() const {
  std::size_t bytes = output_.matrix.bytes() + embed_positions_.size() * sizeof(float);
  for (const Layer& layer : layers_)
    for (const CpuLinear* linear : {&layer.self_qkv_proj, &layer.self_out_proj, &layer.encoder_q_proj,
                                    &layer.encoder_kv_proj, &layer.encoder_out_proj, &layer.fc1, &layer.fc2})
      bytes += linear->matrix.bytes();
  return bytes;
}

std::vector<float> CpuDecoder::keys_values(const Layer& layer, const CpuEncoder& encoder, const Rows& encoded,
                                           int first, int positions) const {
  std::vector<float> values(index(positions, 2 * width_));
  encoder.multiply(layer.encoder_kv_proj, encoded, first, positions, values.data(), Then::store);
  return values;
}

void CpuDecoder::listen_to_silence(const CpuEncoder& encoder, const Rows& encoded) {
  for (Layer& layer : layers_) {
    const std::vector<float> all = keys_values(layer, encoder, encoded, 0, config_.max_source_positions);
    for (int position = silence_step / 2; position < config_.max_source_positions; position += silence_step) {
      const float* row = &all[index(position, 2 * width_)];
      layer.silence.insert(layer.silence.end(), row, row + 2 * width_);
    }
  }
}

std::unique_ptr<CpuWindow> CpuDecoder::window(const CpuEncoder& encoder, const Rows& encoded, int first,
                                              int positions) {
  const int first_silent = (positions + silence_step - 1) / silence_step;
  const int kept = static_cast<int>(layers_[0].silence.size() / index(2, width_));
  const int all = positions + std::max(0, kept - first_silent);
  Pieces sound(config_.decoder_layers, heads_, head_width_);
  sound.grow(all);
  for (int i = 0; i < config_.decoder_layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    const std::vector<float> own = keys_values(layer, encoder, encoded, first, positions);
    team_.run(all, [&](int position, int) {
      const float* row = position < positions
                             ? &own[index(position, 2 * width_)]
                             : &layer.silence[index(first_silent + position - positions, 2 * width_)];
      for (int head = 0; head < heads_; ++head)
        sound.append(i, head, position, row + index(head, head_width_),
                     row + width_ + index(head, head_width_));
    });
  }
  return std::make_unique<CpuWindow>(std::move(sound), positions,
                                     Pieces(config_.decoder_layers, heads_, head_width_));
}

// The tokens of all rows stand one below the other in one matrix; only attention tells whose they are.
void CpuDecoder::operator()(std::span<const DecoderRow> rows) {
  embed(rows);
  const std::size_t count = tokens_.size();
  const auto& gelu = kernels::functions().gelu;
  const int inner = config_.decoder_ffn_dim;
  for (int i = 0; i < config_.decoder_layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    norm(layer.self_attn_layer_norm, count, x_.data());
    multiply(layer.self_qkv_proj, normed_.data(), qkv_.data(), Then::store, count);
    self_attention(i);
    multiply(layer.self_out_proj, mixed_.data(), x_.data(), Then::add, count);
    norm(layer.encoder_attn_layer_norm, count, x_.data());
    multiply(layer.encoder_q_proj, normed_.data(), qkv_.data(), Then::store, count);
    cross_attention(i);
    multiply(layer.encoder_out_proj, mixed_.data(), x_.data(), Then::add, count);
    norm(layer.final_layer_norm, count, x_.data());
    multiply(layer.fc1, normed_.data(), inner_.data(), Then::store, count);
    gelu(inner_.data(), static_cast<int>(count) * inner, inner_.data());
    multiply(layer.fc2, inner_.data(), x_.data(), Then::add, count);
  }
  logits(rows);
}

void CpuDecoder::embed(std::span<const DecoderRow> rows) {
  tokens_.clear();
  groups_.clear();
  for (const DecoderRow& row : rows) {
    auto* window = static_cast<CpuWindow*>(row.window);
    groups_.push_back({window, static_cast<int>(tokens_.size()), static_cast<int>(row.tokens.size())});
    int position = window->length();
    for (int id : row.tokens) tokens_.push_back({window, id, position++});
    window->text.grow(position);
  }
  const int count = static_cast<int>(tokens_.size());
  grow_to(x_, index(count, width_));
  grow_to(normed_, index(count, width_));
  grow_to(qkv_, index(count, 3 * width_));
  grow_to(mixed_, index(count, width_));
  grow_to(inner_, index(count, config_.decoder_ffn_dim));
  weights::TensorView row = embed_tokens_;
  row.shape = {1, width_};
  const std::size_t row_bytes = index(width_, static_cast<int>(weights::size_of(row.dtype)));
  for (int i = 0; i < count; ++i) {
    const Token& token = tokens_[static_cast<std::size_t>(i)];
    row.bytes = embed_tokens_.bytes.subspan(static_cast<std::size_t>(token.id) * row_bytes, row_bytes);
    const std::vector<float> embedding = layers::floats_of(row);
    for (int d = 0; d < width_; ++d)
      x_[index(i, width_) + static_cast<std::size_t>(d)] =
          embedding[static_cast<std::size_t>(d)] +
          embed_positions_[index(token.position, width_) + static_cast<std::size_t>(d)];
  }
}

void CpuDecoder::norm(const CpuLayerNorm& layer_norm, std::size_t rows, const float* x) {
  for (std::size_t i = 0; i < rows; ++i)
    layer_norm(x + i * static_cast<std::size_t>(width_), &normed_[i * static_cast<std::size_t>(width_)]);
}

void CpuDecoder::multiply(const CpuLinear& linear, const float* x, float* y, Then then, std::size_t rows) {
  kernels::multiply(team_, linear.matrix, x, static_cast<int>(rows), {y, linear.bias.data(), then},
                    workspace_);
}

void CpuDecoder::self_attention(int layer) {
  const int count = static_cast<int>(tokens_.size());
  const auto qkv = [&](int token, int head) {
    return &qkv_[index(token, 3 * width_) + index(head, head_width_)];
  };
  // All keys and values first: a token of a prompt attends to those before it in the same step.
  for (int i = 0; i < count; ++i)
    for (int head = 0; head < heads_; ++head) {
      const Token& token = tokens_[static_cast<std::size_t>(i)];
      token.window->text.append(layer, head, token.position, qkv(i, head) + width_,
                                qkv(i, head) + 2 * width_);
    }
  team_.run(count * heads_, [&](int task, int worker) {
    const int i = task / heads_, head = task % heads_;
    const Token& token = tokens_[static_cast<std::size_t>(i)];
    const int length = token.position + 1;
    Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
    token.window->text.view(layer, head, scratch.pieces);
    grow_to(scratch.scores, index(pieces_for(length), piece_positions));
    kernels::functions().attend(qkv(i, head), /*heads=*/1, head_width_,
                                {.pieces = scratch.pieces.data(), .length = length}, scratch.scores.data(),
                                &mixed_[index(i, width_) + index(head, head_width_)]);
  });
}

// The tokens that one window reads in a step go over its sound together, as heads that share keys would.
void CpuDecoder::cross_attention(int layer) {
  team_.run(static_cast<int>(groups_.size()) * heads_, [&](int task, int worker) {
    const Group& group = groups_[static_cast<std::size_t>(task / heads_)];
    const int head = task % heads_;
    const Pieces& sound = group.window->sound;
    Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
    sound.view(layer, head, scratch.pieces);
    grow_to(scratch.scores,
            index(std::min(group.count, kernels::heads_at_once) * sound.count(), piece_positions));
    grow_to(scratch.queries, index(group.count, head_width_));
    grow_to(scratch.mixed, index(group.count, head_width_));
    for (int i = 0; i < group.count; ++i)
      std::copy_n(&qkv_[index(group.first + i, width_) + index(head, head_width_)], head_width_,
                  &scratch.queries[index(i, head_width_)]);
    kernels::PastView past{.pieces = scratch.pieces.data(), .length = sound.positions()};
    if (group.window->positions < sound.positions()) {
      past.many_from = group.window->positions;
      past.as_many = silence_step;
    }
    kernels::functions().attend(scratch.queries.data(), group.count, head_width_, past, scratch.scores.data(),
                                scratch.mixed.data());
    for (int i = 0; i < group.count; ++i)
      std::copy_n(&scratch.mixed[index(i, head_width_)], head_width_,
                  &mixed_[index(group.first + i, width_) + index(head, head_width_)]);
  });
}

void CpuDecoder::logits(std::span<const DecoderRow> rows) {
  std::vector<std::span<float>> wanted;
  int count = 0;
  const auto want = [&](int token, std::span<float> to) {
    layer_norm_(&x_[index(token, width_)], &normed_[index(count++, width_)]);
    wanted.push_back(to);
  };
  grow_to(normed_, index(2 * static_cast<int>(rows.size()), width_));  // a lone first token is wanted twice
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].first_logits.empty()) want(groups_[i].first, rows[i].first_logits);
    want(groups_[i].first + groups_[i].count - 1, rows[i].logits);
  }
  grow_to(logits_, index(count, config_.vocab_size));
  multiply(output_, normed_.data(), logits_.data(), Then::store, wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    std::copy_n(&logits_[index(static_cast<int>(i), config_.vocab_size)], config_.vocab_size,
                wanted[i].data());
}

}  // namespace parley::whisper
