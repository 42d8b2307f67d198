#include "engine/models/step_audio_2/ear/cpu_network.hpp"

#include <algorithm>
#include <string>

#include "engine/kernels/functions.hpp"
#include "engine/layers/cpu/stored.hpp"
#include "engine/models/step_audio_2/ear/cpu_attention.hpp"
#include "engine/models/step_audio_2/ear/cpu_layers.hpp"

namespace parley::step_audio_2 {
namespace {

using kernels::Strips;
using kernels::Team;
using kernels::Then;

std::size_t at_row(int row, int width) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width);
}

void grow(std::vector<float>& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

int size_of_bias(const weights::Weights& weights, const char* name) {
  return static_cast<int>(weights.get(name, {weights::any_size}).shape.front());
}

struct CpuPiece : PieceState {
  std::vector<float> x;  // [positions, width]
  int positions = 0;
};

struct CpuBlock {
  CpuBlock(Team& team, const weights::Weights& weights, int width)
      : attn_ln(weights.scope("attn_ln"), width),
        qkv(team, weights.scope("attn"), {"query", "key", "value"}, width, width),
        out(team, weights.scope("attn"), {"out"}, width, width),
        mlp_ln(weights.scope("mlp_ln"), width),
        inner(size_of_bias(weights, "mlp.0.bias")),
        expand(team, weights.scope("mlp"), {"0"}, width, inner),
        contract(team, weights.scope("mlp"), {"2"}, inner, width) {}

  CpuLayerNorm attn_ln;
  CpuLinear qkv, out;
  CpuLayerNorm mlp_ln;
  int inner;
  CpuLinear expand, contract;
};

// The layers and their order are those of audio_encoder.hpp and adaptor.hpp. Positions of all pieces of a
// batch lie one after the other, so that weights are read once for all; attention keeps them apart.
class CpuEarNetwork : public EarNetwork {
 public:
  CpuEarNetwork(const EarConfig& config, const weights::Weights& weights, int threads);

  void encode(std::span<PieceRow> pieces, int first, int count) override;
  HeardPiece finish(const PieceState& piece, int tokens, int encoded) override;

 private:
  // x [frames, mels] -> to [positions, width]
  void embed(std::span<const float> features, int frames, float* to);
  void run(const CpuBlock& block, int rows, const std::vector<CpuAttention::Piece>& pieces);
  // strips_ becomes, row for row, what `make(row, floats)` writes.
  template <typename Make>
  void prepare(int rows, int inputs, const Make& make);
  // y [places, outputs] = gelu(conv(x)), of x [frames, conv.in]
  void convolve(const CpuTimeConv& conv, const float* x, int frames, int places, float* y);

  Team team_;
  int width_, llm_dim_;
  CpuTimeConv conv1_, conv2_;
  std::vector<float> positional_embedding_;  // [n_audio_ctx, width]
  std::vector<CpuBlock> blocks_;
  CpuLayerNorm after_norm_;
  CpuTimeConv conv_;
  int middle_;
  CpuLinear linear1_, linear2_;
  CpuAttention attention_;

  Strips strips_;
  std::vector<float> x_, qkv_, mixed_, inner_;  // of the batch
  std::vector<std::vector<float>> rows_;        // of each worker: a strip before it is laid out
};

CpuEarNetwork::CpuEarNetwork(const EarConfig& config, const weights::Weights& all, int threads)
    : team_(threads),
      width_(config.n_audio_state),
      llm_dim_(config.llm_dim),
      conv1_(team_, all.scope("encoder.conv1"), config.n_mels, width_, /*taps=*/3, /*stride=*/1),
      conv2_(team_, all.scope("encoder.conv2"), width_, width_, /*taps=*/3, /*stride=*/2),
      positional_embedding_(
          layers::floats_of(all.get("encoder.positional_embedding.weight", {config.n_audio_ctx, width_}))),
      after_norm_(all.scope("encoder.after_norm"), width_),
      conv_(team_, all.scope("adapter.conv"), width_, width_, config.kernel_size, config.adapter_stride),
      middle_(size_of_bias(all, "adapter.linear1.bias")),
      linear1_(team_, all.scope("adapter"), {"linear1"}, width_, middle_),
      linear2_(team_, all.scope("adapter"), {"linear2"}, middle_, llm_dim_),
      attention_(team_, width_, config.n_audio_head),
      rows_(static_cast<std::size_t>(team_.size())) {
  for (int i = 0; i < config.n_audio_layer; ++i)
    blocks_.emplace_back(team_, all.scope("encoder.blocks." + std::to_string(i)), width_);
}

template <typename Make>
void CpuEarNetwork::prepare(int rows, int inputs, const Make& make) {
  strips_.resize(rows, inputs);
  team_.run(strips_.count(), [&](int strip, int worker) {
    std::vector<float>& some = rows_[static_cast<std::size_t>(worker)];
    const int first = strips_.first_row(strip), count = strips_.rows_of(strip);
    grow(some, at_row(count, inputs));
    for (int i = 0; i < count; ++i) make(first + i, &some[at_row(i, inputs)]);
    strips_.fill(strip, some.data(), inputs);
  });
}

void CpuEarNetwork::convolve(const CpuTimeConv& conv, const float* x, int frames, int places, float* y) {
  prepare(places, conv.inputs(), [&](int row, float* to) { conv.gather(x, frames, row, to); });
  kernels::multiply(team_, conv.matrix, strips_, {y, conv.bias.data(), Then::store});
  const int outputs = conv.matrix.outputs();
  team_.run(places, [&](int place, int) {
    float* row = y + at_row(place, outputs);
    kernels::functions().gelu(row, outputs, row);
  });
}

void CpuEarNetwork::embed(std::span<const float> features, int frames, float* to) {
  const int positions = positions_of(frames);
  grow(inner_, at_row(frames, width_));
  convolve(conv1_, features.data(), frames, frames, inner_.data());
  convolve(conv2_, inner_.data(), frames, positions, to);
  for (std::size_t i = 0; i < at_row(positions, width_); ++i) to[i] += positional_embedding_[i];
}

void CpuEarNetwork::encode(std::span<PieceRow> pieces, int first, int count) {
  int rows = 0;
  for (const PieceRow& piece : pieces) rows += positions_of(piece.frames);
  grow(x_, at_row(rows, width_));
  grow(qkv_, at_row(rows, 3 * width_));
  grow(mixed_, at_row(rows, width_));
  std::vector<CpuAttention::Piece> parts;
  int row = 0;
  for (const PieceRow& piece : pieces) {
    const int positions = positions_of(piece.frames);
    if (first == 0)
      embed(piece.features, piece.frames, &x_[at_row(row, width_)]);
    else
      std::ranges::copy(static_cast<const CpuPiece&>(*piece.state).x, x_.data() + at_row(row, width_));
    parts.push_back({.qkv = &qkv_[at_row(row, 3 * width_)],
                     .positions = positions,
                     .keys = piece.keys,
                     .mixed = &mixed_[at_row(row, width_)]});
    row += positions;
  }
  for (int i = first; i < first + count; ++i) run(blocks_[static_cast<std::size_t>(i)], rows, parts);
  row = 0;
  for (PieceRow& piece : pieces) {
    auto state = std::make_unique<CpuPiece>();
    state->positions = positions_of(piece.frames);
    state->x.assign(x_.data() + at_row(row, width_), x_.data() + at_row(row + state->positions, width_));
    row += state->positions;
    piece.state = std::move(state);
  }
}

void CpuEarNetwork::run(const CpuBlock& block, int rows, const std::vector<CpuAttention::Piece>& pieces) {
  const auto& gelu = kernels::functions().gelu;
  prepare(rows, width_, [&](int row, float* to) { block.attn_ln(&x_[at_row(row, width_)], to); });
  block.qkv(team_, strips_, qkv_.data());
  attention_(pieces);
  prepare(rows, width_, [&](int row, float* to) { std::copy_n(&mixed_[at_row(row, width_)], width_, to); });
  block.out(team_, strips_, x_.data(), Then::add);
  prepare(rows, width_, [&](int row, float* to) { block.mlp_ln(&x_[at_row(row, width_)], to); });
  grow(inner_, at_row(rows, block.inner));
  block.expand(team_, strips_, inner_.data());
  prepare(rows, block.inner,
          [&](int row, float* to) { gelu(&inner_[at_row(row, block.inner)], block.inner, to); });
  block.contract(team_, strips_, x_.data(), Then::add);
}

HeardPiece CpuEarNetwork::finish(const PieceState& state, int tokens, int encoded) {
  const auto& piece = static_cast<const CpuPiece&>(state);
  const int pooled = pooled_of(piece.positions);
  std::vector<float> normed(at_row(pooled, width_));
  for (int i = 0; i < pooled; ++i) {
    const float *a = &piece.x[at_row(2 * i, width_)], *b = a + width_;
    float* to = &normed[at_row(i, width_)];
    for (int d = 0; d < width_; ++d) to[d] = (a[d] + b[d]) / 2;
    after_norm_(to, to);
  }
  HeardPiece heard;
  heard.rows.resize(at_row(tokens, llm_dim_));
  std::vector<float> turned(at_row(tokens, width_)), middle(at_row(tokens, middle_));
  convolve(conv_, normed.data(), pooled, tokens, turned.data());
  prepare(tokens, width_, [&](int row, float* to) { std::copy_n(&turned[at_row(row, width_)], width_, to); });
  linear1_(team_, strips_, middle.data());
  prepare(tokens, middle_, [&](int row, float* to) {
    for (int d = 0; d < middle_; ++d)
      to[d] = std::max(middle[at_row(row, middle_) + static_cast<std::size_t>(d)], 0.0F);
  });
  linear2_(team_, strips_, heard.rows.data());
  normed.resize(at_row(encoded, width_));
  heard.encoded = std::move(normed);
  return heard;
}

}  // namespace

std::unique_ptr<EarNetwork> load_cpu_network(const EarConfig& config, const weights::Weights& weights,
                                             int threads) {
  return std::make_unique<CpuEarNetwork>(config, weights, threads);
}

}  // namespace parley::step_audio_2
