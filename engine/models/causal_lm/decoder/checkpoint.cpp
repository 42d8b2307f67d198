#include "engine/models/causal_lm/decoder/checkpoint.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

#include "engine/layers/cpu/stored.hpp"

namespace parley::causal_lm {
namespace {

using weights::Dtype;
using weights::TensorView;

bool is_float(Dtype dtype) { return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16; }

void expect(const TensorView& view, bool fits, const char* expected) {
  if (!fits)
    throw std::runtime_error("the tensor " + view.name + " is of type " + std::string(name_of(view.dtype)) +
                             "; expected " + expected + ". Convert the model again");
}

// A missing tensor is zeros in float32 until finish() tells of it, so types are looked at only afterwards.
void check_types(const CheckpointMatrix& matrix) {
  if (!matrix.scale) return expect(matrix.weight, is_float(matrix.weight.dtype), "F32, F16 or BF16");
  if (matrix.minimum)
    expect(matrix.weight, matrix.weight.dtype == Dtype::u8, "U8, two weights of 4 bits in a byte");
  else
    expect(matrix.weight, matrix.weight.dtype == Dtype::i8, "I8");
  expect(*matrix.scale, matrix.scale->dtype == Dtype::f16, "F16");
  if (matrix.minimum) expect(*matrix.minimum, matrix.minimum->dtype == Dtype::f16, "F16");
}

CheckpointMatrix matrix(const weights::Weights& scope, int outputs, int inputs) {
  constexpr int group = 32;
  const bool grouped = scope.has("scale");
  const bool four = grouped && scope.has("min");
  CheckpointMatrix result{
      outputs, inputs, scope.get("weight", {outputs, four ? inputs / 2 : inputs}), {}, {}};
  if (grouped) result.scale = scope.get("scale", {outputs, inputs / group});
  if (four) result.minimum = scope.get("min", {outputs, inputs / group});
  return result;
}

std::vector<float> vector_of(const weights::Weights& scope, const char* name, int size) {
  return layers::floats_of(scope.get(name, {size}));
}

CheckpointLayer layer(const weights::Weights& scope, const DecoderConfig& config) {
  const weights::Weights attention = scope.scope("self_attn");
  const weights::Weights mlp = scope.scope("mlp");
  const int hidden = config.hidden_size;
  CheckpointLayer result;
  result.input_layernorm = vector_of(scope, "input_layernorm.weight", hidden);
  result.q_proj = matrix(attention.scope("q_proj"), config.query_width(), hidden);
  result.k_proj = matrix(attention.scope("k_proj"), config.kv_width(), hidden);
  result.v_proj = matrix(attention.scope("v_proj"), config.kv_width(), hidden);
  result.o_proj = matrix(attention.scope("o_proj"), hidden, config.query_width());
  if (config.qkv_bias) {
    result.q_bias = vector_of(attention, "q_proj.bias", config.query_width());
    result.k_bias = vector_of(attention, "k_proj.bias", config.kv_width());
    result.v_bias = vector_of(attention, "v_proj.bias", config.kv_width());
  }
  if (config.output_bias) result.o_bias = vector_of(attention, "o_proj.bias", hidden);
  result.post_attention_layernorm = vector_of(scope, "post_attention_layernorm.weight", hidden);
  result.gate_proj = matrix(mlp.scope("gate_proj"), config.intermediate_size, hidden);
  result.up_proj = matrix(mlp.scope("up_proj"), config.intermediate_size, hidden);
  result.down_proj = matrix(mlp.scope("down_proj"), hidden, config.intermediate_size);
  return result;
}

}  // namespace

DecoderCheckpoint DecoderCheckpoint::open(const std::filesystem::path& folder, const DecoderConfig& config) {
  const weights::Weights all = weights::Weights::open(folder);
  const weights::Weights model = all.scope("model");
  DecoderCheckpoint result;
  result.embed_tokens = matrix(model.scope("embed_tokens"), config.vocab_size, config.hidden_size);
  for (int index = 0; index < config.num_hidden_layers; ++index)
    result.layers.push_back(layer(model.scope("layers." + std::to_string(index)), config));
  result.norm = vector_of(model, "norm.weight", config.hidden_size);
  if (!config.tie_word_embeddings)
    result.lm_head = matrix(all.scope("lm_head"), config.vocab_size, config.hidden_size);
  for (const char* other : {"encoder", "adapter"}) all.ignore_scope(other);  // Step-Audio 2's ear
  all.finish();
  check_types(result.embed_tokens);
  if (result.lm_head) check_types(*result.lm_head);
  for (const CheckpointLayer& each : result.layers)
    for (const CheckpointMatrix* part : {&each.q_proj, &each.k_proj, &each.v_proj, &each.o_proj,
                                         &each.gate_proj, &each.up_proj, &each.down_proj})
      check_types(*part);
  return result;
}

}  // namespace parley::causal_lm
