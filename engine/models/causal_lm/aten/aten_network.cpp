#include "engine/models/causal_lm/aten/aten_network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/cuda/device.hpp"
#include "engine/kernels/weight_memory.hpp"
#include "engine/layers/tensor_of.hpp"
#include "engine/models/causal_lm/aten/kv_pages.hpp"
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"
#include "engine/models/causal_lm/decoder/rotary.hpp"

namespace parley::causal_lm {
namespace {

using at::Tensor;

constexpr std::int64_t group = 32;

// float32 [outputs, inputs], or a float matrix in its own type; see scripts/convert/weight_groups.py.
Tensor dequantised(const CheckpointMatrix& matrix) {
  Tensor weight = layers::tensor_of(matrix.weight);
  if (!matrix.scale) return weight;
  const Tensor scale = layers::tensor_of(*matrix.scale).to(at::kFloat).unsqueeze(-1);  // [out, groups, 1]
  if (!matrix.minimum) return (weight.to(at::kFloat).view({matrix.outputs, -1, group}) * scale).flatten(1);
  weight = weight.view({matrix.outputs, -1, group / 2});
  const Tensor levels = at::cat({weight.bitwise_and(15), weight.bitwise_right_shift(4)}, -1).to(at::kFloat);
  const Tensor minimum = layers::tensor_of(*matrix.minimum).to(at::kFloat).unsqueeze(-1);
  return (levels * scale + minimum).flatten(1);
}

Tensor tensor_of(const std::vector<float>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kFloat));
}

struct Linear {
  Tensor weight;  // [out, in], or in groups [out, in / 32, 32] of whole numbers
  Tensor scale;   // [out, in / 32, 1] of the groups, or undefined
  Tensor bias;    // [out], or undefined
  Tensor operator()(const Tensor& x) const {
    if (!scale.defined()) return at::linear(x, weight, bias);
    return at::linear(x, (weight.to(x.scalar_type()) * scale.to(x.scalar_type())).flatten(1), bias);
  }
  std::size_t bytes() const { return weight.nbytes() + (scale.defined() ? scale.nbytes() : 0); }
};

// What was copied need not stay in memory beside the copy.
void give_back(const CheckpointMatrix& matrix, const Tensor& copy) {
  for (const weights::TensorView* view :
       {&matrix.weight, matrix.scale ? &*matrix.scale : nullptr, matrix.minimum ? &*matrix.minimum : nullptr})
    if (view != nullptr && view->mapped && copy.data_ptr() != view->bytes.data())
      kernels::give_back_pages(view->bytes);
}

Tensor placed(const CheckpointMatrix& matrix, const at::TensorOptions& options) {
  Tensor tensor = dequantised(matrix).to(options);
  give_back(matrix, tensor);
  return tensor;
}

struct RmsNorm {
  Tensor weight;
  double epsilon = 0.0;
  Tensor operator()(const Tensor& x) const {
    const Tensor wide = x.to(at::kFloat);
    return (wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + epsilon)).to(x.scalar_type()) *
           weight;
  }
};

struct Layer {
  RmsNorm input_layernorm;
  Linear q_proj, k_proj, v_proj, o_proj;
  RmsNorm post_attention_layernorm;
  Linear gate_proj, up_proj, down_proj;

  Tensor mlp(const Tensor& x) const { return down_proj(at::silu(gate_proj(x)) * up_proj(x)); }
};

// Tokens of one cache that are read together: consecutive rows of the pass.
struct Run {
  int past;
  std::int64_t tokens;
  Tensor pages;  // of the cache
};

// A pass that reads a piece of each of some conversations.
struct Pass {
  std::vector<int> ids;                 // of all runs, one after the other
  std::vector<std::int64_t> positions;  // of each in its conversation
  std::vector<std::int64_t> places;     // of each in the pool
  std::vector<Run> runs;
};

// A step that reads one token of each of some conversations. All that differs from step to step are the
// numbers in these tensors, so that a graph of a step serves any mix of conversations that is no larger.
struct Step {
  Tensor x;          // [rows, hidden] the tokens' embeddings
  Tensor positions;  // [rows]
  Tensor places;     // [rows]
  Tensor tables;     // [rows * pages] the pages of each row's conversation, its last ones spare
  Tensor lengths;    // [rows, 1] positions, the token's own included
};

// A step in buffers of its own, whose rows and pages are rounded up to powers of two.
struct KeptStep {
  Step step;
  Tensor logits;
  std::unique_ptr<cuda::Graph> graph;  // null on the CPU
};

std::int64_t rounded_up(std::int64_t count) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
}

at::Device device_of(const std::string& name) {
  try {
    const at::Device device(name);
    at::empty({1}, at::TensorOptions().device(device));
    return device;
  } catch (const c10::Error& error) {
    throw std::runtime_error("the device \"" + name + "\" cannot be used (" + error.what_without_backtrace() +
                             "); expected cpu, cuda or cuda:N");
  }
}

}  // namespace

struct AtenNetwork::Impl {
  Impl(const DecoderConfig& wanted, const DecoderCheckpoint& checkpoint, Precision precision,
       const std::string& device, bool graphs)
      : config(wanted),
        keep_steps(graphs),
        gpu(cuda::is_cuda(device) ? cuda::open(device) : nullptr),
        options(at::TensorOptions().device(device_of(device))) {
    const c10::InferenceMode inference;
    enter();
    options = options.dtype(type_of(precision, options.device()));
    in_groups = precision == Precision::int8;
    embed_tokens = placed(checkpoint.embed_tokens, options);
    if (checkpoint.lm_head)
      lm_head = linear(*checkpoint.lm_head);
    else
      lm_head.weight = embed_tokens;
    norm = rms_norm(checkpoint.norm);
    for (const CheckpointLayer& from : checkpoint.layers)
      layers.push_back({rms_norm(from.input_layernorm), linear(from.q_proj, from.q_bias),
                        linear(from.k_proj, from.k_bias), linear(from.v_proj, from.v_bias),
                        linear(from.o_proj, from.o_bias), rms_norm(from.post_attention_layernorm),
                        linear(from.gate_proj), linear(from.up_proj), linear(from.down_proj)});
    place_angles();
    pool = std::make_shared<KvPool>(config.num_hidden_layers, config.num_key_value_heads, config.head_dim,
                                    options);
  }

  // Before any work on tensors.
  void enter() const {
    if (gpu) gpu->use_on_this_thread();
  }

  Linear linear(const CheckpointMatrix& matrix, const std::vector<float>& bias = {}) const {
    Linear result;
    if (in_groups)
      place_groups(matrix, result);
    else
      result.weight = placed(matrix, options);
    if (!bias.empty()) result.bias = tensor_of(bias).to(options);
    return result;
  }
  void place_groups(const CheckpointMatrix& matrix, Linear& to) const {
    if (matrix.inputs % group != 0)
      throw std::runtime_error("the matrix " + matrix.weight.name + " is " + std::to_string(matrix.inputs) +
                               " wide; int8 needs a multiple of 32. Choose another precision");
    Tensor levels, scale;
    if (matrix.scale && !matrix.minimum) {
      levels = layers::tensor_of(matrix.weight).view({matrix.outputs, -1, group});
      scale = layers::tensor_of(*matrix.scale).unsqueeze(-1);
    } else {
      const Tensor floats = dequantised(matrix).to(at::kFloat).view({matrix.outputs, -1, group});
      scale = (floats.abs().amax(-1, /*keepdim=*/true) / 127.0).to(at::kHalf);
      const Tensor step = scale.to(at::kFloat);
      levels = at::where(step == 0.0, at::zeros_like(floats), floats / step)
                   .round()
                   .clamp(-127, 127)
                   .to(at::kChar);
    }
    to.weight = levels.to(options.device());
    to.scale = scale.to(options.device());
    give_back(matrix, to.weight);
  }
  static at::ScalarType type_of(Precision precision, at::Device device) {
    switch (precision) {
      case Precision::float32:
        return at::kFloat;
      case Precision::bfloat16:
        return at::kBFloat16;
      case Precision::float16:
        return at::kHalf;
      case Precision::int8:
      case Precision::as_stored:
        break;
    }
    return device.is_cpu() ? at::kFloat : at::kBFloat16;
  }
  RmsNorm rms_norm(const std::vector<float>& weight) const {
    return {tensor_of(weight).to(options), config.rms_norm_eps};
  }

  // Both halves of a head turn alike: [positions, head_dim].
  void place_angles() {
    const Rotary rotary(config);
    const std::int64_t pairs = rotary.pairs();
    const Tensor cosine = at::empty({config.max_position_embeddings, pairs}, at::kFloat);
    const Tensor sine = at::empty_like(cosine);
    for (int position = 0; position < config.max_position_embeddings; ++position)
      rotary.angles(position, cosine.data_ptr<float>() + position * pairs,
                    sine.data_ptr<float>() + position * pairs);
    cosines = at::cat({cosine, cosine}, -1).to(options);
    sines = at::cat({sine, sine}, -1).to(options);
  }

  Tensor on_device(const std::vector<std::int64_t>& numbers) const {
    return at::tensor(numbers, at::kLong).to(options.device());
  }

  // Makes room for a row and adds it to the pass.
  void add(const ReadRow& row, Pass& pass) const {
    auto& cache = dynamic_cast<PagedCache&>(*row.cache);
    const int tokens = static_cast<int>(row.ids.size());
    cache.reserve(row.past, row.past + tokens);
    pass.ids.insert(pass.ids.end(), row.ids.begin(), row.ids.end());
    for (int position = row.past; position < row.past + tokens; ++position) {
      pass.positions.push_back(position);
      pass.places.push_back(cache.place(position));
    }
    pass.runs.push_back({row.past, tokens, on_device({cache.pages().begin(), cache.pages().end()})});
  }

  static void copy_out(const Tensor& logits, std::span<float> to) {
    const Tensor result = logits.cpu().contiguous();
    std::memcpy(to.data(), result.data_ptr<float>(), result.nbytes());
  }

  Tensor logits_of(const Tensor& hidden_states) const { return lm_head(hidden_states).to(at::kFloat); }

  // The layers on x [tokens, hidden] at those positions and places: hidden states after the last norm.
  // attend(index, q) is given q [tokens, heads, head_dim] when the layer's keys and values are in the pool.
  template <typename Attend>
  Tensor forward(Tensor x, const Tensor& positions, const Tensor& places, const Attend& attend) const {
    const Tensor cosine = cosines.index_select(0, positions).unsqueeze(1);  // [tokens, 1, head_dim]
    const Tensor sine = sines.index_select(0, positions).unsqueeze(1);
    for (int index = 0; index < config.num_hidden_layers; ++index) {
      const Layer& layer = layers[static_cast<std::size_t>(index)];
      const Tensor normed = layer.input_layernorm(x);
      const Tensor q = rotate(split_heads(layer.q_proj(normed)), cosine, sine);
      const Tensor k = rotate(split_heads(layer.k_proj(normed)), cosine, sine);
      flat(pool->keys(index)).index_copy_(0, places, k);
      flat(pool->values(index)).index_copy_(0, places, split_heads(layer.v_proj(normed)));
      x = x + layer.o_proj(attend(index, q).flatten(1));
      x = x + layer.mlp(layer.post_attention_layernorm(x));
    }
    return norm(x);
  }

  Tensor read(const Pass& pass) const {
    std::vector<Tensor> masks;  // [tokens, length]: a token sees itself and all before it
    for (const Run& run : pass.runs)
      masks.push_back(
          at::full({run.tokens, run.past + run.tokens}, -std::numeric_limits<float>::infinity(), options)
              .triu_(run.past + 1));
    const auto attend = [&](int index, const Tensor& q) {
      std::vector<Tensor> mixed;
      std::int64_t first = 0;
      for (std::size_t each = 0; each < pass.runs.size(); first += pass.runs[each].tokens, ++each) {
        const Run& run = pass.runs[each];
        const auto past = [&](const Tensor& of) {  // [kv_heads, length, head_dim]
          return flat(of.index_select(0, run.pages)).narrow(0, 0, run.past + run.tokens).transpose(0, 1);
        };
        mixed.push_back(at::scaled_dot_product_attention(
                            q.narrow(0, first, run.tokens).transpose(0, 1).unsqueeze(0),
                            past(pool->keys(index)).unsqueeze(0), past(pool->values(index)).unsqueeze(0),
                            masks[each], /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/{},
                            /*enable_gqa=*/true)
                            .squeeze(0)
                            .transpose(0, 1));
      }
      return at::cat(mixed);  // [tokens, heads, head_dim]
    };
    return forward(embed(pass.ids), on_device(pass.positions), on_device(pass.places), attend);
  }

  // Logits [rows, vocabulary] of what follows.
  Tensor run(const Step& step) const {
    const std::int64_t rows = step.x.size(0);
    const std::int64_t reach = step.tables.size(0) / rows * page_positions;
    const Tensor beyond =
        at::arange(reach, step.lengths.options()).unsqueeze(0) >= step.lengths;  // [rows, reach]
    const Tensor mask = at::zeros({rows, reach}, options)
                            .masked_fill_(beyond, -std::numeric_limits<float>::infinity())
                            .view({rows, 1, 1, reach})
                            .expand({-1, -1, config.heads_a_kv_head(), -1});
    // What lies beyond a conversation's end is another's, or was cut off: even what is not finite must not
    // count.
    const Tensor unused = beyond.view({rows, reach, 1, 1});
    const auto attend = [&](int index, const Tensor& q) {
      const auto past = [&](const Tensor& of) {  // [rows, kv_heads, reach, head_dim]
        return of.index_select(0, step.tables)
            .view({rows, reach, config.num_key_value_heads, config.head_dim})
            .masked_fill_(unused, 0.0)
            .transpose(1, 2);
      };
      // The queries that share a head of keys stand where others have a time axis.
      return at::scaled_dot_product_attention(
                 q.reshape({rows, config.num_key_value_heads, config.heads_a_kv_head(), config.head_dim}),
                 past(pool->keys(index)), past(pool->values(index)), mask)
          .reshape({rows, config.num_attention_heads, config.head_dim});
    };
    return logits_of(forward(step.x, step.positions, step.places, attend));
  }

  // `rows` and `pages`: so many the step has, spare ones filling it up.
  Step step_of(std::span<const StepRow> some, std::int64_t rows, std::int64_t pages) const {
    std::vector<int> ids;
    std::vector<std::int64_t> positions, places, tables, lengths;
    for (const StepRow& row : some) {
      const auto& cache = dynamic_cast<const PagedCache&>(*row.cache);
      ids.push_back(row.token);
      positions.push_back(row.position);
      places.push_back(cache.place(row.position));
      lengths.push_back(row.position + 1);
      tables.insert(tables.end(), cache.pages().begin(), cache.pages().end());
      tables.resize(static_cast<std::size_t>(static_cast<std::int64_t>(ids.size()) * pages),
                    KvPool::spare_page);
    }
    const auto count = static_cast<std::size_t>(rows);
    ids.resize(count, 0);
    positions.resize(count, 0);
    places.resize(count, std::int64_t{KvPool::spare_page} * page_positions);
    lengths.resize(count, 1);
    tables.resize(static_cast<std::size_t>(rows * pages), KvPool::spare_page);
    return {embed(ids), on_device(positions), on_device(places), on_device(tables),
            on_device(lengths).unsqueeze(1)};
  }

  Tensor step(std::span<const StepRow> rows) {
    std::int64_t pages = 1;
    for (const StepRow& row : rows) {
      auto& cache = dynamic_cast<PagedCache&>(*row.cache);
      cache.reserve(row.position, row.position + 1);
      pages = std::max(pages, static_cast<std::int64_t>(cache.pages().size()));
    }
    const auto count = static_cast<std::int64_t>(rows.size());
    if (!keep_steps) return run(step_of(rows, count, pages));
    const Step step = step_of(rows, rounded_up(count), rounded_up(pages));
    KeptStep& kept = kept_step(step);
    if (kept.graph)
      kept.graph->replay();
    else
      kept.logits = run(kept.step);
    return kept.logits.narrow(0, 0, count);
  }

  // The kept step of the same size, with the numbers of `step`. It is captured the first time, and again when
  // the pool has moved.
  KeptStep& kept_step(const Step& step) {
    if (kept_moves != pool->moves()) kept_steps.clear();
    kept_moves = pool->moves();
    const auto [place, added] = kept_steps.try_emplace({step.x.size(0), step.tables.size(0)});
    KeptStep& kept = place->second;
    if (!added) {
      kept.step.x.copy_(step.x);
      kept.step.positions.copy_(step.positions);
      kept.step.places.copy_(step.places);
      kept.step.tables.copy_(step.tables);
      kept.step.lengths.copy_(step.lengths);
      return kept;
    }
    kept.step = step;
    if (gpu) {
      run(kept.step);  // libraries make themselves ready, which must not be captured
      kept.graph = gpu->capture([&] { kept.logits = run(kept.step); });
    }
    return kept;
  }

  // [tokens, hidden]; ids below 0 are EmbeddedRows.
  Tensor embed(const std::vector<int>& ids) const {
    std::vector<std::int64_t> tokens(ids.begin(), ids.end());
    std::vector<std::int64_t> places;
    for (std::size_t index = 0; index < ids.size(); ++index)
      if (ids[index] < 0) {
        tokens[index] = 0;
        places.push_back(static_cast<std::int64_t>(index));
      }
    Tensor x = embed_tokens.index_select(0, at::tensor(tokens, at::kLong).to(options.device()));
    if (places.empty()) return x;
    const Tensor rows = at::empty({static_cast<std::int64_t>(places.size()), config.hidden_size}, at::kFloat);
    for (std::size_t index = 0; index < places.size(); ++index)
      std::copy_n(EmbeddedRows::find(ids[static_cast<std::size_t>(places[index])]).values, config.hidden_size,
                  rows.data_ptr<float>() + static_cast<std::ptrdiff_t>(index) * config.hidden_size);
    return x.index_copy(0, at::tensor(places, at::kLong).to(options.device()), rows.to(options));
  }

  // [tokens, heads, head_dim]
  Tensor split_heads(const Tensor& x) const { return x.view({x.size(0), -1, config.head_dim}); }

  // [pages, 64, ...] -> [pages * 64, ...]
  static Tensor flat(const Tensor& pages) { return pages.flatten(0, 1); }

  static Tensor rotate(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
    const auto halves = x.chunk(2, -1);
    return x * cosine + at::cat({-halves[1], halves[0]}, -1) * sine;
  }

  DecoderConfig config;
  bool keep_steps;
  std::unique_ptr<cuda::Device> gpu;  // null on the CPU
  at::TensorOptions options;
  bool in_groups = false;
  Tensor embed_tokens;  // [vocabulary, hidden]
  std::vector<Layer> layers;
  RmsNorm norm;
  Linear lm_head;
  Tensor cosines, sines;  // [context, head_dim]
  std::shared_ptr<KvPool> pool;
  std::map<std::pair<std::int64_t, std::int64_t>, KeptStep> kept_steps;  // by rows, and rows * pages
  int kept_moves = 0;
};

AtenNetwork::AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                         Precision precision, const std::string& device, bool graphs)
    : impl_(std::make_unique<Impl>(config, checkpoint, precision, device, graphs)) {}
AtenNetwork::~AtenNetwork() = default;

std::unique_ptr<KvCache> AtenNetwork::new_cache() const { return std::make_unique<PagedCache>(impl_->pool); }

std::size_t AtenNetwork::kv_bytes_per_token() const {
  return static_cast<std::size_t>(impl_->config.num_hidden_layers) *
         static_cast<std::size_t>(2 * impl_->config.kv_width()) *
         c10::elementSize(c10::typeMetaToScalarType(impl_->options.dtype()));
}

std::size_t AtenNetwork::weight_bytes() const {
  std::size_t bytes = impl_->embed_tokens.nbytes();
  if (!impl_->lm_head.weight.is_same(impl_->embed_tokens)) bytes += impl_->lm_head.bytes();
  for (const Layer& layer : impl_->layers)
    for (const Linear* part : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.o_proj, &layer.gate_proj,
                               &layer.up_proj, &layer.down_proj})
      bytes += part->bytes();
  return bytes;
}

void AtenNetwork::read(std::span<const ReadRow> rows) {
  const c10::InferenceMode inference;
  impl_->enter();
  Pass pass;
  for (const ReadRow& row : rows) impl_->add(row, pass);
  impl_->read(pass);
}

void AtenNetwork::read_all(const ReadRow& row, std::span<float> logits) {
  const c10::InferenceMode inference;
  impl_->enter();
  Pass pass;
  impl_->add(row, pass);
  Impl::copy_out(impl_->logits_of(impl_->read(pass)), logits);
}

void AtenNetwork::step(std::span<const StepRow> rows, std::span<float> logits) {
  const c10::InferenceMode inference;
  impl_->enter();
  Impl::copy_out(impl_->step(rows), logits);
}

}  // namespace parley::causal_lm
