#include "engine/models/whisper/config.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/json_file.hpp"

namespace parley::whisper {
namespace {

using Json = nlohmann::json;

void check(bool fits, const std::filesystem::path& path, const std::string& problem) {
  if (!fits) throw std::runtime_error(path.string() + ": " + problem + "; convert the model again");
}

// Runs `read` on the file's content; what it does not find is reported with the file's name.
template <typename Read>
void read_file(const std::filesystem::path& path, Read read) {
  Json json = weights::read_json_file(path);
  try {
    read(json);
  } catch (const Json::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what() + "; convert the model again");
  }
}

}  // namespace

Config Config::read(const std::filesystem::path& folder) {
  std::filesystem::path path = folder / "config.json";
  Config config;
  read_file(path, [&](const Json& json) {
    check(json.at("model_type") == "whisper", path, "`model_type` is not \"whisper\"");
    auto take = [&](const char* name, int& value) {
      value = json.at(name).get<int>();
      check(value > 0, path,
            std::string("`") + name + "` is " + std::to_string(value) + "; expected more than 0");
    };
    take("d_model", config.d_model);
    take("num_mel_bins", config.num_mel_bins);
    take("vocab_size", config.vocab_size);
    take("max_source_positions", config.max_source_positions);
    take("max_target_positions", config.max_target_positions);
    take("encoder_layers", config.encoder_layers);
    take("decoder_layers", config.decoder_layers);
    take("encoder_attention_heads", config.encoder_attention_heads);
    take("decoder_attention_heads", config.decoder_attention_heads);
    take("encoder_ffn_dim", config.encoder_ffn_dim);
    take("decoder_ffn_dim", config.decoder_ffn_dim);
  });
  for (int heads : {config.encoder_attention_heads, config.decoder_attention_heads})
    check(config.d_model % heads == 0, path,
          "`d_model` " + std::to_string(config.d_model) + " is not a multiple of " + std::to_string(heads) +
              " attention heads");
  return config;
}

std::size_t parameters(const Config& config) {
  const auto width = static_cast<std::size_t>(config.d_model);
  const auto encoder = static_cast<std::size_t>(config.encoder_layers) *
                       (4 * width + 2 * static_cast<std::size_t>(config.encoder_ffn_dim));
  const auto decoder = static_cast<std::size_t>(config.decoder_layers) *
                       (8 * width + 2 * static_cast<std::size_t>(config.decoder_ffn_dim));
  const auto convolutions = 3 * (static_cast<std::size_t>(config.num_mel_bins) + width);
  const auto embeddings =
      static_cast<std::size_t>(config.vocab_size + config.max_source_positions + config.max_target_positions);
  return width * (encoder + decoder + convolutions + embeddings);
}

Generation Generation::read(const std::filesystem::path& folder, const Config& config) {
  std::filesystem::path path = folder / "generation.json";
  Generation generation;
  auto known = [&](const std::string& name, int id) {
    check(id >= 0 && id < config.vocab_size, path,
          "`" + name + "` has the token " + std::to_string(id) + ", the vocabulary " +
              std::to_string(config.vocab_size) + " tokens");
    return id;
  };
  read_file(path, [&](const Json& json) {
    auto take = [&](const char* name) { return known(name, json.at(name).get<int>()); };
    generation.start_of_transcript = take("start_of_transcript");
    generation.end_of_text = take("end_of_text");
    generation.no_timestamps = take("no_timestamps");
    generation.no_speech = take("no_speech");
    auto take_list = [&](const char* name) {
      auto ids = json.at(name).get<std::vector<int>>();
      for (int id : ids) known(name, id);
      return ids;
    };
    generation.suppress_tokens = take_list("suppress_tokens");
    generation.begin_suppress_tokens = take_list("begin_suppress_tokens");
    json.at("languages").get_to(generation.languages);
    for (const auto& [code, id] : generation.languages) known("languages." + code, id);
    if (!generation.languages.empty()) generation.transcribe = take("transcribe");
  });
  return generation;
}

}  // namespace parley::whisper
