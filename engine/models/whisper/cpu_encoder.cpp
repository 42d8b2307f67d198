#include "engine/models/whisper/cpu_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/layers/cpu/stored.hpp"
#include "engine/models/whisper/network.hpp"

namespace parley::whisper {
namespace {

using kernels::panel_rows;
using kernels::Then;

constexpr int queries_at_once =
    48;                           // of one head: their scores against 1,500 positions fit into the L2 cache
constexpr int rows_at_once = 96;  // activations of a task: 100 to 400 KB
constexpr int panels_at_once = 8;

std::size_t index(int row, int width) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width);
}

// [out, in, 3] -> [out, 3 in], taps before channels: three neighbouring frames lie one after the other
std::vector<float> taps_first(const std::vector<float>& weight, int out, int in) {
  std::vector<float> turned(weight.size());
  for (int o = 0; o < out; ++o)
    for (int i = 0; i < in; ++i)
      for (int tap = 0; tap < 3; ++tap)
        turned[index(o, 3 * in) + index(tap, in) + static_cast<std::size_t>(i)] =
            weight[(index(o, in) + static_cast<std::size_t>(i)) * 3 + static_cast<std::size_t>(tap)];
  return turned;
}

CpuLinear convolution(kernels::Team& team, const weights::Weights& weights, int in, int out) {
  return {team, taps_first(layers::floats_of(weights.get("weight", {out, in, 3})), out, in),
          layers::floats_of(weights.get("bias", {out})), 3 * in, out};
}

template <typename Vector>
void grow(Vector& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

}  // namespace

void Rows::resize(int rows, int inputs, bool grouped) {
  inputs_ = inputs;
  grouped_ = grouped;
  grow(floats_, index(rows, inputs));
  if (!grouped) return;
  grow(levels_, index(rows, inputs));
  grow(scales_, index(rows, inputs / kernels::group_size));
  grow(sums_, index(rows, inputs / kernels::group_size));
}

void Rows::finish(int row_index) {
  if (!grouped_) return;
  const std::size_t group = index(row_index, inputs_ / kernels::group_size);
  kernels::functions().quantize(row(row_index), inputs_, &levels_[index(row_index, inputs_)], &scales_[group],
                                &sums_[group]);
}

kernels::Activations Rows::from(int first, int count) const {
  kernels::Activations activations{.rows = count, .floats = &floats_[index(first, inputs_)]};
  if (grouped_) {
    const std::size_t group = index(first, inputs_ / kernels::group_size);
    activations.levels = &levels_[index(first, inputs_)];
    activations.scales = &scales_[group];
    activations.sums = &sums_[group];
  }
  return activations;
}

CpuEncoder::CpuEncoder(kernels::Team& team, const Config& config, const weights::Weights& weights)
    : team_(team),
      config_(config),
      width_(config.d_model),
      heads_(config.encoder_attention_heads),
      head_width_(width_ / heads_),
      conv1_(convolution(team, weights.scope("conv1"), config.num_mel_bins, width_)),
      conv2_(convolution(team, weights.scope("conv2"), width_, width_)),
      embed_positions_(
          layers::floats_of(weights.get("embed_positions.weight", {config.max_source_positions, width_}))),
      layer_norm_(weights.scope("layer_norm"), width_),
      scratch_(static_cast<std::size_t>(team.size())) {
  const int inner = config.encoder_ffn_dim;
  for (int i = 0; i < config.encoder_layers; ++i) {
    const weights::Weights layer = weights.scope("layers." + std::to_string(i));
    const weights::Weights attention = layer.scope("self_attn");
    layers_.push_back({{layer.scope("self_attn_layer_norm"), width_},
                       {team, attention, {"q_proj", "k_proj", "v_proj"}, width_, width_},
                       {team, attention, {"out_proj"}, width_, width_},
                       {layer.scope("final_layer_norm"), width_},
                       {team, layer, {"fc1"}, width_, inner},
                       {team, layer, {"fc2"}, inner, width_},
                       {}});
  }
}

std::size_t CpuEncoder::weight_bytes() const {
  std::size_t bytes = conv1_.matrix.bytes() + conv2_.matrix.bytes() + embed_positions_.size() * sizeof(float);
  for (const Layer& layer : layers_)
    bytes += layer.qkv_proj.matrix.bytes() + layer.out_proj.matrix.bytes() + layer.fc1.matrix.bytes() +
             layer.fc2.matrix.bytes();
  return bytes;
}

template <typename Fill>
void CpuEncoder::prepare(int rows, int inputs, const Fill& fill) {
  rows_.resize(rows, inputs, inputs % kernels::group_size == 0);
  constexpr int at_once = 16;
  team_.run((rows + at_once - 1) / at_once, [&](int task, int) {
    for (int row = task * at_once; row < std::min(rows, (task + 1) * at_once); ++row) {
      fill(row, rows_.row(row));
      rows_.finish(row);
    }
  });
}

// Blocks of rows times blocks of panels, so that both stay in a core's caches while they meet.
void CpuEncoder::multiply(const CpuLinear& linear, const Rows& x, int start, int rows, float* y,
                          Then then) const {
  const kernels::Matrix& matrix = linear.matrix;
  const int row_blocks = (rows + rows_at_once - 1) / rows_at_once;
  const int panel_blocks = (matrix.panels() + panels_at_once - 1) / panels_at_once;
  team_.run(row_blocks * panel_blocks, [&](int task, int) {
    const int first = task / panel_blocks * rows_at_once, panel = task % panel_blocks * panels_at_once;
    const kernels::Activations some = x.from(start + first, std::min(rows_at_once, rows - first));
    const kernels::Destination to{y + index(first, matrix.outputs()), linear.bias.data(), then};
    for (int i = panel; i < std::min(panel + panels_at_once, matrix.panels()); ++i)
      kernels::functions().panel(matrix.panel(i), some, to);
  });
}

void CpuEncoder::begin(int windows, int positions) {
  windows_ = windows;
  positions_ = positions;
  const int rows = windows * positions;
  grow(x_, index(rows, width_));
  grow(qkv_, index(rows, 3 * width_));
  grow(mixed_, index(rows, width_));
  grow(inner_, std::max(index(rows, config_.encoder_ffn_dim), index(2 * positions, width_)));
}

void CpuEncoder::resume(int window, std::span<const float> x) {
  std::ranges::copy(x, &x_[index(window * positions_, width_)]);
}

std::span<const float> CpuEncoder::x(int window) const {
  return {&x_[index(window * positions_, width_)], index(positions_, width_)};
}

void CpuEncoder::run(int first, int count) {
  for (int i = first; i < first + count; ++i) run(layers_[static_cast<std::size_t>(i)]);
}

void CpuEncoder::run(Layer& layer) {
  const int rows = windows_ * positions_, inner = config_.encoder_ffn_dim;
  const auto& gelu = kernels::functions().gelu;
  prepare(rows, width_, [&](int row, float* to) { layer.self_attn_layer_norm(&x_[index(row, width_)], to); });
  multiply(layer.qkv_proj, rows_, 0, rows, qkv_.data(), Then::store);
  if (listening_to_silence_) remember_silence(layer);
  attend(seen(layer));
  prepare(rows, width_, [&](int row, float* to) { std::copy_n(&mixed_[index(row, width_)], width_, to); });
  multiply(layer.out_proj, rows_, 0, rows, x_.data(), Then::add);
  prepare(rows, width_, [&](int row, float* to) { layer.final_layer_norm(&x_[index(row, width_)], to); });
  multiply(layer.fc1, rows_, 0, rows, inner_.data(), Then::store);
  prepare(rows, inner, [&](int row, float* to) { gelu(&inner_[index(row, inner)], inner, to); });
  multiply(layer.fc2, rows_, 0, rows, x_.data(), Then::add);
}

const Rows& CpuEncoder::output() {
  prepare(windows_ * positions_, width_,
          [&](int row, float* to) { layer_norm_(&x_[index(row, width_)], to); });
  return rows_;
}

std::vector<float> CpuEncoder::output_of(std::span<const float> features, int positions) {
  begin(1, positions);
  embed(0, features);
  run(0, layers());
  const float* values = output().from(0, positions).floats;
  return {values, values + index(positions, width_)};
}

// Both convolutions; the second skips every other frame. Fills x_ from the window's first row on.
void CpuEncoder::embed(int window, std::span<const float> features) {
  const int mels = config_.num_mel_bins, positions = positions_, frames = 2 * positions;
  // Row i of a convolution's input are the frames around stride * i, zeros before the first and after the
  // last.
  const auto around = [](const float* from, int channels, int count, int centre, float* to) {
    for (int frame = centre - 1; frame <= centre + 1; ++frame, to += channels) {
      if (frame < 0 || frame >= count)
        std::fill_n(to, channels, 0.0F);
      else
        std::copy_n(from + index(frame, channels), channels, to);
    }
  };
  const auto& gelu = kernels::functions().gelu;
  prepare(frames, 3 * mels, [&](int row, float* to) { around(features.data(), mels, frames, row, to); });
  multiply(conv1_, rows_, 0, frames, inner_.data(), Then::store);
  team_.run(frames, [&](int frame, int) {
    float* row = &inner_[index(frame, width_)];
    gelu(row, width_, row);
  });
  prepare(positions, 3 * width_,
          [&](int row, float* to) { around(inner_.data(), width_, frames, 2 * row, to); });
  float* x = &x_[index(window * positions, width_)];
  multiply(conv2_, rows_, 0, positions, x, Then::store);
  team_.run(positions, [&](int position, int) {
    float* row = x + index(position, width_);
    gelu(row, width_, row);
    for (int i = 0; i < width_; ++i)
      row[i] += embed_positions_[index(position, width_) + static_cast<std::size_t>(i)];
  });
}

const Rows& CpuEncoder::listen_to_silence() {
  const int positions = config_.max_source_positions;
  const std::vector<float> silence(index(2 * positions, config_.num_mel_bins), silent_feature);
  begin(1, positions);
  embed(0, silence);
  listening_to_silence_ = true;
  run(0, layers());
  listening_to_silence_ = false;
  return output();
}

void CpuEncoder::remember_silence(Layer& layer) const {
  layer.silence.clear();
  for (int position = silence_step / 2; position < positions_; position += silence_step) {
    const float* keys = &qkv_[index(position, 3 * width_) + index(1, width_)];
    layer.silence.insert(layer.silence.end(), keys, keys + 2 * width_);
  }
}

CpuEncoder::Seen CpuEncoder::seen(const Layer& layer) const {
  const std::size_t first = index((positions_ + silence_step - 1) / silence_step, 2 * width_);
  if (listening_to_silence_ || first >= layer.silence.size()) return {.positions = positions_};
  return {.positions = positions_,
          .silence = &layer.silence[first],
          .silent = static_cast<int>((layer.silence.size() - first) / index(2, width_))};
}

// Attention is two products as well: queries with keys, and the softmax of that with values. Keys and values
// are packed like weights, so that the same kernel multiplies them.
void CpuEncoder::attend(const Seen& seen) {
  grow(keys_, static_cast<std::size_t>(windows_ * heads_));
  grow(values_, static_cast<std::size_t>(windows_ * heads_));
  team_.run(windows_ * heads_, [&](int task, int) { pack_head(task / heads_, task % heads_, seen); });
  const int blocks = (seen.positions + queries_at_once - 1) / queries_at_once;
  team_.run(windows_ * heads_ * blocks, [&](int task, int worker) {
    const int first = task % blocks * queries_at_once, head = task / blocks;
    attend_block(head / heads_, head % heads_, first, std::min(queries_at_once, seen.positions - first), seen,
                 worker);
  });
}

void CpuEncoder::pack_head(int window, int head, const Seen& seen) {
  const std::size_t at = index(window, heads_) + static_cast<std::size_t>(head);
  const int count = seen.count(), panels = (count + panel_rows - 1) / panel_rows;
  std::vector<float>& keys = keys_[at].numbers;      // [panels of positions, head_width, 16]
  std::vector<float>& values = values_[at].numbers;  // [panels of dimensions, positions, 16]
  grow(keys, index(panels * panel_rows, head_width_));
  grow(values, index(count, (head_width_ + panel_rows - 1) / panel_rows * panel_rows));
  for (int position = 0; position < count; ++position) {
    const float* key = position < seen.positions
                           ? &qkv_[index(window * seen.positions + position, 3 * width_) + index(1, width_)]
                           : seen.silence + index(position - seen.positions, 2 * width_);
    key += index(head, head_width_);
    const float* value = key + width_;
    float* key_to = &keys[index(position / panel_rows, head_width_ * panel_rows) +
                          static_cast<std::size_t>(position % panel_rows)];
    for (int i = 0; i < head_width_; ++i) key_to[index(i, panel_rows)] = key[i];
    for (int first = 0; first < head_width_; first += panel_rows)
      std::copy_n(value + first, std::min(panel_rows, head_width_ - first),
                  &values[index(first, count) + index(position, panel_rows)]);
  }
}

void CpuEncoder::attend_block(int window, int head, int first, int count, const Seen& seen, int worker) {
  const kernels::Functions& kernel = kernels::functions();
  const std::size_t at = index(window, heads_) + static_cast<std::size_t>(head);
  Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
  grow(scratch.queries, index(count, head_width_));
  grow(scratch.scores, index(count, seen.count()));
  grow(scratch.mixed, index(count, head_width_));
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_width_));
  const auto query_row = [&](int i) { return window * seen.positions + first + i; };
  for (int i = 0; i < count; ++i) {
    const float* query = &qkv_[index(query_row(i), 3 * width_) + index(head, head_width_)];
    float* scaled = &scratch.queries[index(i, head_width_)];
    for (int d = 0; d < head_width_; ++d) scaled[d] = query[d] * scale;
  }
  // x [count, inputs] times numbers packed as [panels, inputs, 16]
  const auto multiply_packed = [&](const std::vector<float>& numbers, const std::vector<float>& x, int inputs,
                                   int outputs, std::vector<float>& y) {
    for (int output = 0; output < outputs; output += panel_rows)
      kernel.panel({.format = kernels::Format::f32,
                    .weights = reinterpret_cast<const std::byte*>(&numbers[index(output, inputs)]),
                    .inputs = inputs,
                    .first = output,
                    .outputs = outputs},
                   {.rows = count, .floats = x.data()}, {.values = y.data()});
  };
  multiply_packed(keys_[at].numbers, scratch.queries, head_width_, seen.count(), scratch.scores);
  const float counts_as_many = std::log(static_cast<float>(silence_step));
  for (int i = 0; i < count; ++i) {
    float* scores = &scratch.scores[index(i, seen.count())];
    for (int silent = seen.positions; silent < seen.count(); ++silent) scores[silent] += counts_as_many;
    kernel.softmax(scores, seen.count());
  }
  multiply_packed(values_[at].numbers, scratch.scores, seen.count(), head_width_, scratch.mixed);
  for (int i = 0; i < count; ++i)
    std::copy_n(&scratch.mixed[index(i, head_width_)], head_width_,
                &mixed_[index(query_row(i), width_) + index(head, head_width_)]);
}

}  // namespace parley::whisper
