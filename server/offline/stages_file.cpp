// Tested by test/server/offline/stages_file_test.cpp.
#include "server/offline/stages_file.hpp"

#include <span>

#include "engine/weights/safetensors_writer.hpp"

namespace parley::commands {

void StagesFile::add(const std::string& name, std::vector<float> values, std::vector<std::int64_t> shape) {
  floats_[name] = {std::move(values), std::move(shape)};
}

void StagesFile::add(const std::string& name, std::vector<std::int32_t> values,
                     std::vector<std::int64_t> shape) {
  integers_[name] = {std::move(values), std::move(shape)};
}

void StagesFile::write(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  std::map<std::string, weights::TensorToWrite> tensors;
  for (const auto& [name, stage] : floats_)
    tensors[name] = {weights::Dtype::f32, stage.shape, std::as_bytes(std::span(stage.values))};
  for (const auto& [name, stage] : integers_)
    tensors[name] = {weights::Dtype::i32, stage.shape, std::as_bytes(std::span(stage.values))};
  weights::write_safetensors(folder / "stages.safetensors", tensors);
}

}  // namespace parley::commands
