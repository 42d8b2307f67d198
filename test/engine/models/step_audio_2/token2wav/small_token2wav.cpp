#include "test/engine/models/step_audio_2/token2wav/small_token2wav.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "engine/layers/tensor_of.hpp"
#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley::test {
namespace {

constexpr int small_vocabulary = 96, small_bins = 80, small_embedding = 12, small_harmonics = 9;

// The tensors whose names begin with `prefix`, without it.
void write_part(const std::filesystem::path& file, const std::string& prefix) {
  std::map<std::string, weights::TensorToWrite> tensors;
  for (const auto& [name, view] : token2wav_reference().tensors())
    if (name.starts_with(prefix))
      tensors[name.substr(prefix.size())] = {.dtype = view.dtype, .shape = view.shape, .bytes = view.bytes};
  weights::write_safetensors(file, tensors);
}

}  // namespace

const weights::Safetensors& token2wav_reference() {
  static const weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/step_audio_2/token2wav.safetensors");
  return file;
}

at::Tensor reference_tensor(const std::string& name) {
  return layers::tensor_of(token2wav_reference().at(name)).clone();
}

std::string reference_metadata(const std::string& name) {
  return nlohmann::json::parse(token2wav_reference().metadata().at("token2wav")).at(name).dump();
}

const std::filesystem::path& small_token2wav() {
  static const TemporaryFolder folder;
  static const bool written = [] {
    folder.write("config.json", R"({"flow": )" + reference_metadata("flow_config") + "}");
    write_part(folder.path() / "flow.safetensors", "flow.");
    write_part(folder.path() / "hift.safetensors", "hift.");
    return true;
  }();
  static_cast<void>(written);
  return folder.path();
}

at::Tensor formula_tensor(std::uint32_t seed, std::vector<std::int64_t> shape, float scale) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const auto values = step_audio_2::formula_values(seed, static_cast<std::size_t>(tensor.numel()), scale);
  std::ranges::copy(values, tensor.mutable_data_ptr<float>());
  return tensor;
}

std::vector<int> small_tokens(int count, std::uint32_t seed) {
  std::vector<int> tokens;
  for (const float value : step_audio_2::formula_values(seed, static_cast<std::size_t>(count), 0.5F))
    tokens.push_back(static_cast<int>((value + 0.5F) * (small_vocabulary - 1)));
  return tokens;
}

step_audio_2::SpeakerPrompt small_prompt(int tokens, std::uint32_t seed) {
  const auto frames = static_cast<std::size_t>(2 * tokens);
  return {.tokens = small_tokens(tokens, seed),
          .embedding = step_audio_2::formula_values(seed + 2, small_embedding, 2.0F),
          .mel = step_audio_2::formula_values(seed + 1, frames * small_bins, 1.5F)};
}

std::vector<float> flow_noise(int frames) {
  return step_audio_2::formula_values(9001, static_cast<std::size_t>(frames) * small_bins, unit_noise);
}

std::vector<float> source_noise(int call, int frames) {
  return step_audio_2::formula_values(9100 + static_cast<std::uint32_t>(call),
                                      static_cast<std::size_t>(480 * frames * small_harmonics), unit_noise);
}

weights::Safetensors formula_checkpoint(const std::string& recipe, const std::filesystem::path& file) {
  std::map<std::string, at::Tensor> made;
  std::map<std::string, weights::TensorToWrite> tensors;
  for (const nlohmann::json& entry : nlohmann::json::parse(reference_metadata(recipe))) {
    const std::string name = entry[0];
    made[name] =
        formula_tensor(entry[2], entry[1].get<std::vector<std::int64_t>>(), entry[3]) + entry[4].get<float>();
    const at::Tensor& tensor = made[name];
    tensors[name] = {.dtype = weights::Dtype::f32,
                     .shape = tensor.sizes().vec(),
                     .bytes = std::as_bytes(std::span(tensor.const_data_ptr<float>(),
                                                      static_cast<std::size_t>(tensor.numel())))};
  }
  weights::write_safetensors(file, tensors);
  return weights::Safetensors(file);
}

}  // namespace parley::test
