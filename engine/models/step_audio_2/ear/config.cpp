#include "engine/models/step_audio_2/ear/config.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "engine/weights/json_file.hpp"

namespace parley::step_audio_2 {
namespace {

void check_ear_config(bool fits, const std::filesystem::path& path, const std::string& problem) {
  if (!fits) throw std::runtime_error(path.string() + ": " + problem + "; convert the model again");
}

}  // namespace

std::size_t EarConfig::samples_a_piece() const {
  // the most samples of which so many positions are made
  const std::size_t most = 160 * (2 * static_cast<std::size_t>(n_audio_ctx) + 1) - piece_padding - 1;
  return std::min(piece_samples, most);
}

EarConfig EarConfig::read(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  const nlohmann::json json = weights::read_json_file(path);
  EarConfig config;
  try {
    const nlohmann::json& encoder = json.at("audio_encoder_config");
    const auto take = [&](const char* name, int& value) {
      value = encoder.at(name).get<int>();
      check_ear_config(value > 0, path,
                       std::string("`audio_encoder_config.") + name + "` is " + std::to_string(value) +
                           "; expected more than 0");
    };
    take("n_mels", config.n_mels);
    take("n_audio_ctx", config.n_audio_ctx);
    take("n_audio_state", config.n_audio_state);
    take("n_audio_head", config.n_audio_head);
    take("n_audio_layer", config.n_audio_layer);
    take("llm_dim", config.llm_dim);
    take("kernel_size", config.kernel_size);
    take("adapter_stride", config.adapter_stride);
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what() + "; convert the model again");
  }
  check_ear_config(config.n_audio_state % config.n_audio_head == 0, path,
                   "`n_audio_state` " + std::to_string(config.n_audio_state) + " is not a multiple of " +
                       std::to_string(config.n_audio_head) + " attention heads");
  check_ear_config(config.n_audio_ctx >= 4, path,
                   "`n_audio_ctx` is " + std::to_string(config.n_audio_ctx) +
                       "; expected 4 positions or more, or no sound would have a token");
  return config;
}

}  // namespace parley::step_audio_2
