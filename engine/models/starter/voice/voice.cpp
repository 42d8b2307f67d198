#include <stdexcept>

#include "engine/models/starter/voice/voice_parts.hpp"

namespace parley::voice {
namespace {

at::Device device_of(const SpeakerSettings& settings) {
  return settings.cuda ? at::Device(at::kCUDA) : at::Device(at::kCPU);
}

}  // namespace

Voice::Parts::Parts(const std::filesystem::path& folder, const SpeakerSettings& with)
    : settings(with),
      config(VoiceConfig::read(folder)),
      phonemizer(folder),
      network(config.network, folder / "model.safetensors", device_of(with)),
      synthesis(config.synthesis, config.f0_center_hz, device_of(with)) {
  if (config.synthesis.sample_rate != speech_sample_rate_hz)
    throw std::runtime_error((folder / "config.json").string() + ": expected a voice of 24000 Hz, got " +
                             std::to_string(config.synthesis.sample_rate));
  for (const Timbre& t : config.timbres) timbres.push_back({t.name, t.sex, t.age, t.pitch, t.mood});
}

const Timbre* Voice::Parts::timbre(std::string_view name) const {
  if (name.empty()) return &config.timbres.front();
  for (const Timbre& timbre : config.timbres)
    if (timbre.name == name) return &timbre;
  return nullptr;
}

Voice::Voice(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Voice::~Voice() = default;

std::shared_ptr<const Voice> Voice::load(const std::filesystem::path& folder,
                                         const SpeakerSettings& settings) {
  c10::InferenceMode inference;
  return std::shared_ptr<const Voice>(new Voice(std::make_unique<const Parts>(folder, settings)));
}

const std::vector<TimbreInfo>& Voice::timbres() const { return parts_->timbres; }
bool Voice::has_timbre(std::string_view name) const { return parts_->timbre(name) != nullptr; }

}  // namespace parley::voice
