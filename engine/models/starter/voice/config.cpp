#include "engine/models/starter/voice/config.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::voice {
namespace {

using Json = nlohmann::json;

NetworkConfig network_of(const Json& json) {
  NetworkConfig config;
  auto take = [&json](const char* name, auto& value) { json.at(name).get_to(value); };
  take("symbols", config.symbols);
  take("text_blocks", config.text_blocks);
  take("text_kernel", config.text_kernel);
  take("attention_heads", config.attention_heads);
  take("prosody_text_width", config.prosody_text_width);
  take("prosody_text_passes", config.prosody_text_passes);
  take("prosody_blocks", config.prosody_blocks);
  take("prosody_dilations", config.prosody_dilations);
  take("decoder_text_width", config.decoder_text_width);
  take("decoder_text_passes", config.decoder_text_passes);
  take("decoder_width", config.decoder_width);
  take("decoder_blocks", config.decoder_blocks);
  take("kernel", config.kernel);
  take("frames_per_step", config.frames_per_step);
  take("bins", config.bins);
  take("f0_scale", config.f0_scale);
  take("decoder_f0_divisor", config.decoder_f0_divisor);
  return config;
}

SynthesisConfig synthesis_of(const Json& json) {
  return {json.at("sample_rate"),
          json.at("n_fft"),
          json.at("hop"),
          json.at("voiced_hz"),
          json.at("highest_harmonic_hz"),
          json.at("largest_log_magnitude")};
}

Timbre timbre_of(const Json& json) {
  return {json.at("name"), json.at("sex"),     json.at("age"),   json.at("pitch"), json.at("mood"),
          json.at("f0"),   json.at("stretch"), json.at("range"), json.at("speed")};
}

void check(bool fits, const std::filesystem::path& path, const char* what) {
  if (!fits) throw std::runtime_error(path.string() + ": " + what + "; convert the voice again");
}

}  // namespace

int NetworkConfig::prosody_reach() const {
  return std::accumulate(prosody_dilations.begin(), prosody_dilations.end(), 0) * (kernel / 2);
}

VoiceConfig VoiceConfig::read(const std::filesystem::path& folder) {
  std::filesystem::path path = folder / "config.json";
  std::ifstream file(path);
  if (!file)
    throw std::runtime_error(path.string() +
                             " cannot be read; run ./scripts/setup, or name a bundle that has a voice");
  VoiceConfig config;
  try {
    Json json = Json::parse(file);
    check(json.at("architecture") == "hibari", path, "`architecture` is not one that this program knows");
    for (const auto& [symbol, id] : json.at("symbols").items()) {
      std::u32string point = phonemizer::decode_utf8(symbol);
      check(point.size() == 1, path, "a symbol is not one code point");
      config.symbols.emplace(point[0], id.get<std::int64_t>());
    }
    config.network = network_of(json.at("network"));
    config.synthesis = synthesis_of(json.at("synthesis"));
    config.f0_center_hz = json.at("f0_center_hz");
    for (const Json& voice : json.at("voices")) config.timbres.push_back(timbre_of(voice));
  } catch (const Json::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what() + "; convert the voice again");
  }
  const SynthesisConfig& synthesis = config.synthesis;
  check(synthesis.hop > 0 && synthesis.n_fft == 4 * synthesis.hop, path, "`n_fft` must be four times `hop`");
  check(config.network.bins == synthesis.n_fft / 2 + 1, path, "`bins` must be half of `n_fft` and one");
  check(config.network.prosody_dilations.size() == static_cast<std::size_t>(config.network.prosody_blocks),
        path, "`prosody_dilations` must have one number a block");
  check(!config.timbres.empty(), path, "`voices` is empty");
  for (const auto& [symbol, id] : config.symbols)
    check(id > 0 && id < config.network.symbols, path, "a symbol's number is out of range");
  return config;
}

}  // namespace parley::voice
