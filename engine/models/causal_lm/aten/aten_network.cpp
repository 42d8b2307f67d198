#include "engine/models/causal_lm/aten/aten_network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/kernels/weight_memory.hpp"
#include "engine/layers/tensor_of.hpp"
#include "engine/models/causal_lm/aten/tensor_cache.hpp"
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

// Tokens of one cache that are read together: consecutive rows of the batch.
struct Run {
  TensorCache* cache;
  int past;
  std::int64_t tokens;
};

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
       const std::string& device)
      : config(wanted), rotary(wanted), options(at::TensorOptions().device(device_of(device))) {
    const c10::InferenceMode inference;
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

  // Makes room for a row and adds its ids to those of the pass.
  static Run begin(const ReadRow& row, std::vector<int>& ids) {
    auto& tensors = dynamic_cast<TensorCache&>(*row.cache);
    tensors.reserve(row.past + static_cast<int>(row.ids.size()));
    ids.insert(ids.end(), row.ids.begin(), row.ids.end());
    return {&tensors, row.past, static_cast<std::int64_t>(row.ids.size())};
  }

  void write_logits(const Tensor& hidden_states, std::span<float> logits) const {
    const Tensor result = lm_head(hidden_states).to(at::kFloat).cpu().contiguous();
    std::memcpy(logits.data(), result.data_ptr<float>(), result.nbytes());
  }

  // Hidden states [tokens, hidden] after the last norm.
  Tensor forward(const std::vector<int>& ids, std::span<const Run> runs) const {
    Tensor x = embed(ids);
    const auto [cosines, sines] = angles(runs, static_cast<std::int64_t>(ids.size()));
    for (int index = 0; index < config.num_hidden_layers; ++index) {
      const Layer& layer = layers[static_cast<std::size_t>(index)];
      x = x + layer.o_proj(attention(layer, index, layer.input_layernorm(x), cosines, sines, runs));
      x = x + layer.mlp(layer.post_attention_layernorm(x));
    }
    return norm(x);
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

  // x [tokens, hidden] -> [tokens, heads * head_dim]
  Tensor attention(const Layer& layer, int index, const Tensor& x, const Tensor& cosines, const Tensor& sines,
                   std::span<const Run> runs) const {
    const Tensor q = rotate(split_heads(layer.q_proj(x)), cosines, sines);  // [heads, tokens, head_dim]
    const Tensor k = rotate(split_heads(layer.k_proj(x)), cosines, sines);  // [kv_heads, tokens, head_dim]
    const Tensor v = split_heads(layer.v_proj(x));
    std::vector<Tensor> mixed;
    std::int64_t first = 0;
    for (const Run& run : runs) {
      const auto part = [&](const Tensor& of) { return of.narrow(1, first, run.tokens); };
      const auto [keys, values] = run.cache->append(index, run.past, part(k), part(v));
      mixed.push_back(attend(part(q), keys, values, run));
      first += run.tokens;
    }
    return at::cat(mixed, 1).transpose(0, 1).flatten(1);
  }

  // q [heads, tokens, head_dim], keys and values [kv_heads, past + tokens, head_dim]
  Tensor attend(const Tensor& q, const Tensor& keys, const Tensor& values, const Run& run) const {
    const std::int64_t length = run.past + run.tokens;
    Tensor mask = at::zeros({run.tokens, length}, options);
    if (run.tokens > 1) mask = mask.fill_(-std::numeric_limits<float>::infinity()).triu_(run.past + 1);
    return at::scaled_dot_product_attention(q.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), mask,
                                            /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/{},
                                            /*enable_gqa=*/true)
        .squeeze(0);
  }

  Tensor split_heads(const Tensor& x) const {
    return x.view({x.size(0), -1, config.head_dim}).transpose(0, 1);
  }

  static Tensor rotate(const Tensor& x, const Tensor& cosines, const Tensor& sines) {
    const auto halves = x.chunk(2, -1);
    return x * cosines + at::cat({-halves[1], halves[0]}, -1) * sines;
  }

  // [tokens, head_dim] each, both halves alike
  std::pair<Tensor, Tensor> angles(std::span<const Run> runs, std::int64_t tokens) const {
    const std::int64_t pairs = rotary.pairs();
    Tensor cosines = at::empty({tokens, pairs}, at::kFloat);
    Tensor sines = at::empty({tokens, pairs}, at::kFloat);
    std::int64_t row = 0;
    for (const Run& run : runs)
      for (std::int64_t token = 0; token < run.tokens; ++token, ++row)
        rotary.angles(run.past + static_cast<int>(token), cosines.data_ptr<float>() + row * pairs,
                      sines.data_ptr<float>() + row * pairs);
    return {at::cat({cosines, cosines}, -1).to(options), at::cat({sines, sines}, -1).to(options)};
  }

  DecoderConfig config;
  Rotary rotary;
  at::TensorOptions options;
  bool in_groups = false;
  Tensor embed_tokens;  // [vocabulary, hidden]
  std::vector<Layer> layers;
  RmsNorm norm;
  Linear lm_head;
};

AtenNetwork::AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                         Precision precision, const std::string& device)
    : impl_(std::make_unique<Impl>(config, checkpoint, precision, device)) {}
AtenNetwork::~AtenNetwork() = default;

std::unique_ptr<KvCache> AtenNetwork::new_cache() const {
  const DecoderConfig& config = impl_->config;
  return std::make_unique<TensorCache>(
      at::empty({config.num_hidden_layers, config.num_key_value_heads, 0, config.head_dim}, impl_->options));
}

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
  std::vector<int> ids;
  std::vector<Run> runs;
  for (const ReadRow& row : rows) runs.push_back(impl_->begin(row, ids));
  impl_->forward(ids, runs);
}

void AtenNetwork::read_all(const ReadRow& row, std::span<float> logits) {
  const c10::InferenceMode inference;
  std::vector<int> ids;
  const Run run = impl_->begin(row, ids);
  impl_->write_logits(impl_->forward(ids, {&run, 1}), logits);
}

void AtenNetwork::step(std::span<const StepRow> rows, std::span<float> logits) {
  const c10::InferenceMode inference;
  std::vector<int> ids;
  std::vector<Run> runs;
  for (const StepRow& row : rows) {
    auto& tensors = dynamic_cast<TensorCache&>(*row.cache);
    tensors.reserve(row.position + 1);
    ids.push_back(row.token);
    runs.push_back({&tensors, row.position, 1});
  }
  impl_->write_logits(impl_->forward(ids, runs), logits);
}

}  // namespace parley::causal_lm
