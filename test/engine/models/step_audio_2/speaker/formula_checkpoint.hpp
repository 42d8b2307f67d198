// Checkpoints whose numbers follow from a formula: the reference's file tells names, shapes and scales only.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/audio/speaker_reference.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"

namespace parley::test {

// Writes the weights that the reference calls "s3_small", "s3_official" or "campplus"; those whose name is in
// `left_out` stay away.
inline void write_formula_checkpoint(const std::string& name, const std::filesystem::path& file,
                                     const std::string& left_out = "") {
  const auto description = nlohmann::json::parse(speaker_reference().metadata().at("checkpoints")).at(name);
  auto seed = description["first_seed"].get<std::uint32_t>();
  std::vector<std::vector<float>> values;
  std::map<std::string, weights::TensorToWrite> tensors;
  for (const auto& tensor : description["tensors"]) {
    const auto shape = tensor["shape"].get<std::vector<std::int64_t>>();
    std::size_t count = 1;
    for (std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    values.push_back(step_audio_2::formula_values(seed++, count, tensor["scale"].get<float>()));
    for (float& value : values.back()) value += tensor["offset"].get<float>();
    if (tensor["name"] == left_out) continue;
    tensors[tensor["name"]] = {
        .dtype = weights::Dtype::f32, .shape = shape, .bytes = std::as_bytes(std::span(values.back()))};
  }
  weights::write_safetensors(file, tensors);
}

}  // namespace parley::test
