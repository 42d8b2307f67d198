// Checkpoints of the ear, made by the formulas of scripts/parity/ear.py.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley::step_audio_2 {

struct EarSizes {
  int n_mels, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer, llm_dim, kernel_size, adapter_stride;
  int inner, middle;  // of the blocks' MLPs and of the adaptor

  static EarSizes tiny() { return {16, 110, 64, 4, 3, 24, 3, 2, 256, 40}; }
  // of Step-Audio-2-mini, with so many blocks
  static EarSizes official(int blocks) { return {128, 1500, 1280, 20, blocks, 3584, 3, 2, 5120, 2048}; }
};

// A folder like a bundle's "model" part.
class EarCheckpoint {
 public:
  EarCheckpoint(const EarSizes& sizes, std::uint32_t seed, weights::Dtype dtype = weights::Dtype::f32)
      : sizes_(sizes), seed_(seed), dtype_(dtype) {
    add_all();
    std::map<std::string, weights::TensorToWrite> to_write;
    for (const auto& [name, tensor] : tensors_)
      to_write[name] = {dtype_, tensor.shape, std::as_bytes(std::span(tensor.bytes))};
    weights::write_safetensors(folder_.path() / "model.safetensors", to_write);
    tensors_.clear();
    const nlohmann::json encoder{{"n_mels", sizes.n_mels},
                                 {"n_audio_ctx", sizes.n_audio_ctx},
                                 {"n_audio_state", sizes.n_audio_state},
                                 {"n_audio_head", sizes.n_audio_head},
                                 {"n_audio_layer", sizes.n_audio_layer},
                                 {"n_codebook_size", 4096},
                                 {"llm_dim", sizes.llm_dim},
                                 {"kernel_size", sizes.kernel_size},
                                 {"adapter_stride", sizes.adapter_stride}};
    folder_.write("config.json",
                  nlohmann::json{{"model_type", "step_audio_2"}, {"audio_encoder_config", encoder}}.dump());
  }

  const test::TemporaryFolder& folder() const { return folder_; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  struct Tensor {
    std::vector<std::int64_t> shape;
    std::vector<std::uint8_t> bytes;
  };

  void add(const std::string& name, const std::vector<std::int64_t>& shape, double scale,
           float offset = 0.0F) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values =
        formula_values(seed_ + static_cast<std::uint32_t>(tensors_.size()), count, static_cast<float>(scale));
    const std::size_t element = weights::size_of(dtype_);
    Tensor tensor{shape, std::vector<std::uint8_t>(count * element)};
    for (std::size_t i = 0; i < count; ++i) {
      values[i] += offset;
      // float32, or its upper half: bfloat16, cut off
      std::memcpy(&tensor.bytes[i * element], reinterpret_cast<const std::uint8_t*>(&values[i]) + 4 - element,
                  element);
    }
    tensors_.emplace(name, std::move(tensor));
  }

  void layer(const std::string& name, const std::vector<std::int64_t>& shape, bool has_bias = true) {
    double fan_in = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
    add(name + ".weight", shape, std::sqrt(3.0 / fan_in));
    if (has_bias) add(name + ".bias", {shape[0]}, 0.1);
  }

  void norm(const std::string& name) {
    add(name + ".weight", {sizes_.n_audio_state}, 0.2, 1.0F);
    add(name + ".bias", {sizes_.n_audio_state}, 0.1);
  }

  void add_all() {
    const std::int64_t width = sizes_.n_audio_state, inner = sizes_.inner;
    layer("encoder.conv1", {width, sizes_.n_mels, 3});
    layer("encoder.conv2", {width, width, 3});
    add("encoder.positional_embedding.weight", {sizes_.n_audio_ctx, width}, 0.5);
    for (int i = 0; i < sizes_.n_audio_layer; ++i) {
      const std::string block = "encoder.blocks." + std::to_string(i) + ".";
      for (const std::string name : {"query", "key", "value", "out"})
        layer(block + "attn." + name, {width, width}, name != "key");
      norm(block + "attn_ln");
      layer(block + "mlp.0", {inner, width});
      layer(block + "mlp.2", {width, inner});
      norm(block + "mlp_ln");
    }
    norm("encoder.after_norm");
    layer("adapter.conv", {width, width, sizes_.kernel_size});
    layer("adapter.linear1", {sizes_.middle, width});
    layer("adapter.linear2", {sizes_.llm_dim, sizes_.middle});
  }

  EarSizes sizes_;
  std::uint32_t seed_;
  weights::Dtype dtype_;
  std::map<std::string, Tensor> tensors_;
  test::TemporaryFolder folder_;
};

}  // namespace parley::step_audio_2
