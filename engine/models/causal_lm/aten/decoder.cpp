#include "engine/models/causal_lm/aten/decoder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/models/causal_lm/aten/to_device.hpp"
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"
#include "engine/models/causal_lm/decoder/rotary.hpp"

namespace parley::causal_lm {
namespace {

using at::Tensor;

// [pages, 64, ...] -> [pages * 64, ...]
Tensor flat(const Tensor& pages) { return pages.flatten(0, 1); }

Tensor rotate(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
  const auto halves = x.chunk(2, -1);
  return x * cosine + at::cat({-halves[1], halves[0]}, -1) * sine;
}

}  // namespace

Decoder::Decoder(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, const Placing& placing)
    : config_(config),
      options_(placing.options()),
      embed_tokens(placing.matrix(checkpoint.embed_tokens)),
      norm{placing.vector(checkpoint.norm), config.rms_norm_eps} {
  if (checkpoint.lm_head)
    lm_head = placing.linear(*checkpoint.lm_head);
  else
    lm_head.weight = embed_tokens;
  for (const CheckpointLayer& from : checkpoint.layers)
    layers.push_back(placing.layer(from, config.rms_norm_eps));
  place_angles();
}

// Both halves of a head turn alike: [positions, head_dim].
void Decoder::place_angles() {
  const Rotary rotary(config_);
  const std::int64_t pairs = rotary.pairs();
  const Tensor cosine = at::empty({config_.max_position_embeddings, pairs}, at::kFloat);
  const Tensor sine = at::empty_like(cosine);
  for (int position = 0; position < config_.max_position_embeddings; ++position)
    rotary.angles(position, cosine.data_ptr<float>() + position * pairs,
                  sine.data_ptr<float>() + position * pairs);
  cosines_ = at::cat({cosine, cosine}, -1).to(options_);
  sines_ = at::cat({sine, sine}, -1).to(options_);
}

Tensor Decoder::embed(const std::vector<int>& ids) const {
  std::vector<std::int64_t> tokens(ids.begin(), ids.end());
  std::vector<std::int64_t> places;
  for (std::size_t index = 0; index < ids.size(); ++index)
    if (ids[index] < 0) {
      tokens[index] = 0;
      places.push_back(static_cast<std::int64_t>(index));
    }
  Tensor x = embed_tokens.index_select(0, to_device(tokens, options_.device()));
  if (places.empty()) return x;
  const Tensor rows = at::empty({static_cast<std::int64_t>(places.size()), config_.hidden_size}, at::kFloat);
  for (std::size_t index = 0; index < places.size(); ++index)
    std::copy_n(EmbeddedRows::find(ids[static_cast<std::size_t>(places[index])]).values, config_.hidden_size,
                rows.data_ptr<float>() + static_cast<std::ptrdiff_t>(index) * config_.hidden_size);
  return x.index_copy(0, to_device(places, options_.device()), rows.to(options_));
}

// [tokens, heads, head_dim]
Tensor Decoder::split_heads(const Tensor& x) const { return x.view({x.size(0), -1, config_.head_dim}); }

// The layers on x [tokens, hidden] at those positions and places: hidden states after the last norm.
// attend(index, q) is given q [tokens, heads, head_dim] when the layer's keys and values are in the pool.
template <typename Attend>
Tensor Decoder::forward(Tensor x, const Tensor& positions, const Tensor& places, const KvPool& pool,
                        const Attend& attend) const {
  const Tensor cosine = cosines_.index_select(0, positions).unsqueeze(1);  // [tokens, 1, head_dim]
  const Tensor sine = sines_.index_select(0, positions).unsqueeze(1);
  for (int index = 0; index < config_.num_hidden_layers; ++index) {
    const DecoderLayer& layer = layers[static_cast<std::size_t>(index)];
    const Tensor normed = layer.input_layernorm(x);
    const Tensor q = rotate(split_heads(layer.q_proj(normed)), cosine, sine);
    const Tensor k = rotate(split_heads(layer.k_proj(normed)), cosine, sine);
    flat(pool.keys(index)).index_copy_(0, places, k);
    flat(pool.values(index)).index_copy_(0, places, split_heads(layer.v_proj(normed)));
    x = x + layer.o_proj(attend(index, q).flatten(1));
    x = x + layer.mlp(layer.post_attention_layernorm(x));
  }
  return norm(x);
}

Tensor Decoder::read(const ReadPass& pass, const KvPool& pool) const {
  std::vector<Tensor> masks;  // [tokens, length]: a token sees itself and all before it
  for (const ReadPass::Run& run : pass.runs)
    masks.push_back(
        at::full({run.tokens, run.past + run.tokens}, -std::numeric_limits<float>::infinity(), options_)
            .triu_(run.past + 1));
  const auto attend = [&](int index, const Tensor& q) {
    std::vector<Tensor> mixed;
    std::int64_t first = 0;
    for (std::size_t each = 0; each < pass.runs.size(); first += pass.runs[each].tokens, ++each) {
      const ReadPass::Run& run = pass.runs[each];
      const auto past = [&](const Tensor& of) {  // [kv_heads, length, head_dim]
        return flat(of.index_select(0, run.pages)).narrow(0, 0, run.past + run.tokens).transpose(0, 1);
      };
      mixed.push_back(at::scaled_dot_product_attention(
                          q.narrow(0, first, run.tokens).transpose(0, 1).unsqueeze(0),
                          past(pool.keys(index)).unsqueeze(0), past(pool.values(index)).unsqueeze(0),
                          masks[each], /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/{},
                          /*enable_gqa=*/true)
                          .squeeze(0)
                          .transpose(0, 1));
    }
    return at::cat(mixed);  // [tokens, heads, head_dim]
  };
  const auto there = [this](const std::vector<std::int64_t>& numbers) {
    return to_device(numbers, options_.device());
  };
  return forward(embed(pass.ids), there(pass.positions), there(pass.places), pool, attend);
}

Tensor Decoder::step(const Tensor& x, const DecodeStep& step, const KvPool& pool) const {
  const std::int64_t rows = step.rows();
  const std::int64_t reach = step.pages() * page_positions;
  const Tensor positions = step.positions(), tables = step.tables();
  const Tensor beyond =
      at::arange(reach, positions.options()).unsqueeze(0) > positions.unsqueeze(1);  // [rows, reach]
  const Tensor mask = at::zeros({rows, reach}, options_)
                          .masked_fill_(beyond, -std::numeric_limits<float>::infinity())
                          .view({rows, 1, 1, reach})
                          .expand({-1, -1, config_.heads_a_kv_head(), -1});
  // What lies beyond a conversation's end is another's, or was cut off: even what is not finite must not
  // count.
  const Tensor unused = beyond.view({rows, reach, 1, 1});
  const auto attend = [&](int index, const Tensor& q) {
    const auto past = [&](const Tensor& of) {  // [rows, kv_heads, reach, head_dim]
      return of.index_select(0, tables)
          .view({rows, reach, config_.num_key_value_heads, config_.head_dim})
          .masked_fill_(unused, 0.0)
          .transpose(1, 2);
    };
    // The queries that share a head of keys stand where others have a time axis.
    return at::scaled_dot_product_attention(
               q.reshape({rows, config_.num_key_value_heads, config_.heads_a_kv_head(), config_.head_dim}),
               past(pool.keys(index)), past(pool.values(index)), mask)
        .reshape({rows, config_.num_attention_heads, config_.head_dim});
  };
  return logits_of(forward(x, positions, step.places(), pool, attend));
}

std::size_t Decoder::weight_bytes() const {
  std::size_t bytes = embed_tokens.nbytes();
  if (!lm_head.weight.is_same(embed_tokens)) bytes += lm_head.bytes();
  for (const DecoderLayer& layer : layers) bytes += layer.bytes();
  return bytes;
}

}  // namespace parley::causal_lm
