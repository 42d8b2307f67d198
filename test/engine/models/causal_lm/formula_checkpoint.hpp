// Checkpoints of a Qwen2 with untied output whose weights are numbers by a formula, as
// scripts/parity/language_model.py makes them.
#pragma once

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley::test {

struct FormulaTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

class FormulaCheckpoint {
 public:
  FormulaCheckpoint(const causal_lm::DecoderConfig& config, std::uint32_t seed)
      : config_(config), seed_(seed) {
    const int hidden = config.hidden_size;
    add("model.embed_tokens.weight", {config.vocab_size, hidden}, 1.0);
    for (int index = 0; index < config.num_hidden_layers; ++index) {
      const std::string layer = "model.layers." + std::to_string(index) + ".";
      norm(layer + "input_layernorm.weight");
      for (const auto& [name, out] : {std::pair("q", config.query_width()), std::pair("k", config.kv_width()),
                                      std::pair("v", config.kv_width())}) {
        matrix(layer + "self_attn." + name + "_proj.weight", out, hidden);
        add(layer + "self_attn." + name + "_proj.bias", {out}, 0.5);
      }
      matrix(layer + "self_attn.o_proj.weight", hidden, config.query_width());
      norm(layer + "post_attention_layernorm.weight");
      matrix(layer + "mlp.gate_proj.weight", config.intermediate_size, hidden);
      matrix(layer + "mlp.up_proj.weight", config.intermediate_size, hidden);
      matrix(layer + "mlp.down_proj.weight", hidden, config.intermediate_size);
    }
    norm("model.norm.weight");
    matrix("lm_head.weight", config.vocab_size, hidden);
  }

  const std::vector<FormulaTensor>& tensors() const { return tensors_; }

  // In Step-Audio 2's layout, with tensors of an ear beside it, in one file or in a shard for each layer.
  void write(const std::filesystem::path& folder, bool sharded) const {
    nlohmann::json text{{"vocab_size", config_.vocab_size},
                        {"hidden_size", config_.hidden_size},
                        {"intermediate_size", config_.intermediate_size},
                        {"num_hidden_layers", config_.num_hidden_layers},
                        {"num_attention_heads", config_.num_attention_heads},
                        {"num_attention_groups", config_.num_key_value_heads},
                        {"num_key_value_heads", config_.num_key_value_heads},
                        {"max_position_embeddings", config_.max_position_embeddings},
                        {"rms_norm_eps", config_.rms_norm_eps},
                        {"rope_theta", config_.rope_theta},
                        {"rope_scaling", nullptr}};
    std::ofstream(folder / "config.json")
        << nlohmann::json{{"model_type", "step_audio_2"}, {"text_config", text}};
    const std::vector<float> ear{1.0F, 2.0F};
    const weights::TensorToWrite of_the_ear{weights::Dtype::f32, {2}, std::as_bytes(std::span(ear))};
    std::map<std::string, std::map<std::string, weights::TensorToWrite>> files;
    const auto file_of = [&](const std::string& name) {
      const auto at = name.find("layers.");
      return sharded && at != std::string::npos
                 ? "model-" + name.substr(at + 7, 1) + ".safetensors"
                 : std::string(sharded ? "model-rest.safetensors" : "model.safetensors");
    };
    nlohmann::json map = nlohmann::json::object();
    const auto add_to = [&](const std::string& name, const weights::TensorToWrite& tensor) {
      files[file_of(name)][name] = tensor;
      map[name] = file_of(name);
    };
    for (const FormulaTensor& tensor : tensors_)
      add_to(tensor.name, {weights::Dtype::f32, tensor.shape, std::as_bytes(std::span(tensor.values))});
    for (const char* name : {"encoder.conv1.bias", "adapter.linear1.bias"}) add_to(name, of_the_ear);
    for (const auto& [file, content] : files) weights::write_safetensors(folder / file, content);
    if (sharded)
      std::ofstream(folder / "model.safetensors.index.json") << nlohmann::json{{"weight_map", map}};
  }

  // The same in memory; it must outlive what is made of it.
  causal_lm::DecoderCheckpoint in_memory() const {
    causal_lm::DecoderCheckpoint result;
    result.embed_tokens = view("model.embed_tokens.weight");
    for (int index = 0; index < config_.num_hidden_layers; ++index) {
      const std::string layer = "model.layers." + std::to_string(index) + ".";
      causal_lm::CheckpointLayer made;
      made.input_layernorm = values(layer + "input_layernorm.weight");
      made.q_proj = view(layer + "self_attn.q_proj.weight");
      made.k_proj = view(layer + "self_attn.k_proj.weight");
      made.v_proj = view(layer + "self_attn.v_proj.weight");
      made.o_proj = view(layer + "self_attn.o_proj.weight");
      made.q_bias = values(layer + "self_attn.q_proj.bias");
      made.k_bias = values(layer + "self_attn.k_proj.bias");
      made.v_bias = values(layer + "self_attn.v_proj.bias");
      made.post_attention_layernorm = values(layer + "post_attention_layernorm.weight");
      made.gate_proj = view(layer + "mlp.gate_proj.weight");
      made.up_proj = view(layer + "mlp.up_proj.weight");
      made.down_proj = view(layer + "mlp.down_proj.weight");
      result.layers.push_back(std::move(made));
    }
    result.norm = values("model.norm.weight");
    result.lm_head = view("lm_head.weight");
    return result;
  }

 private:
  void add(const std::string& name, const std::vector<std::int64_t>& shape, double scale,
           float offset = 0.0F) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
    auto made = step_audio_2::formula_values(seed_ + static_cast<std::uint32_t>(tensors_.size()), count,
                                             static_cast<float>(scale));
    if (offset != 0.0F)
      for (float& value : made) value += offset;
    tensors_.push_back({name, shape, std::move(made)});
  }
  void norm(const std::string& name) { add(name, {config_.hidden_size}, 0.3, 1.0F); }
  void matrix(const std::string& name, int out, int width) {
    add(name, {out, width}, std::sqrt(3.0 / width));
  }

  const FormulaTensor& find(const std::string& name) const {
    for (const FormulaTensor& tensor : tensors_)
      if (tensor.name == name) return tensor;
    throw std::out_of_range(name);
  }
  const std::vector<float>& values(const std::string& name) const { return find(name).values; }
  causal_lm::CheckpointMatrix view(const std::string& name) const {
    const FormulaTensor& tensor = find(name);
    causal_lm::CheckpointMatrix matrix;
    matrix.outputs = static_cast<int>(tensor.shape[0]);
    matrix.inputs = static_cast<int>(tensor.shape[1]);
    matrix.weight.name = name;
    matrix.weight.shape = tensor.shape;
    matrix.weight.bytes = std::as_bytes(std::span(tensor.values));
    return matrix;
  }

  causal_lm::DecoderConfig config_;
  std::uint32_t seed_;
  std::vector<FormulaTensor> tensors_;
};

// The sizes of scripts/parity/language_model.py.
inline causal_lm::DecoderConfig tiny_decoder() {
  causal_lm::DecoderConfig config;
  config.vocab_size = 320;
  config.hidden_size = 96;
  config.intermediate_size = 160;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 6;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  config.max_position_embeddings = 128;
  config.rope_theta = 1e6;
  config.qkv_bias = true;
  return config;
}
inline causal_lm::DecoderConfig wide_decoder() {
  causal_lm::DecoderConfig config = tiny_decoder();
  config.vocab_size = 64;
  config.hidden_size = 3584;
  config.intermediate_size = 18944;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 28;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  return config;
}

}  // namespace parley::test
