// Tested by test/engine/models/step_audio_2/voices_test.cpp.
#include "engine/models/step_audio_2/voices.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/audio_file/audio_file.hpp"
#include "engine/weights/json_file.hpp"

namespace parley::step_audio_2 {
namespace {

using nlohmann::json;

constexpr const char* how_to_add = "; convert the checkpoint again with --voice NAME=RECORDING.wav";

VoiceFile read_voice(const json& object, const std::filesystem::path& folder, const std::string& where) {
  const auto text = [&](const char* key, bool needed) -> std::string {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found == object.end() && !needed) return {};
    if (found == object.end() || !found->is_string())
      throw std::runtime_error(where + " should have a text \"" + key + "\", but is " + object.dump());
    return found->get<std::string>();
  };
  if (!object.is_object()) throw std::runtime_error(where + " should be an object, but is " + object.dump());
  VoiceFile voice{
      {text("name", true), text("sex", false), text("age", false), text("pitch", false), text("mood", false)},
      folder / text("file", true)};
  if (!std::filesystem::exists(voice.recording))
    throw std::runtime_error(where + ": the recording " + voice.recording.string() + " does not exist" +
                             how_to_add);
  return voice;
}

}  // namespace

std::vector<VoiceFile> read_voices(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "voices.json";
  const json list = weights::read_json_file(file);
  if (!list.is_array()) throw std::runtime_error(file.string() + " should be a list of voices");
  std::vector<VoiceFile> voices;
  for (std::size_t i = 0; i < list.size(); ++i)
    voices.push_back(read_voice(list[i], folder, file.string() + ": voice " + std::to_string(i + 1)));
  return voices;
}

Voices Voices::load(const weights::Bundle& bundle, const VoicesOptions& options) {
  return {
      read_voices(bundle.part("voices")),
      SpeakerEncoder::load(bundle.part("speaker"), {.threads = options.threads, .device = options.device}),
      Token2Wav::load(bundle.part("token2wav"), {.threads = options.threads,
                                                 .device = options.device,
                                                 .dit_dtype = options.dit_dtype,
                                                 .graphs = options.graphs,
                                                 .gpu = options.gpu})};
}

Voices::Voices(std::vector<VoiceFile> files, SpeakerEncoder speaker_encoder, Token2Wav token2wav)
    : files_(std::move(files)),
      speaker_encoder_(std::move(speaker_encoder)),
      token2wav_(std::move(token2wav)) {
  for (const VoiceFile& file : files_) list_.push_back(file.voice);
}

const VoiceFile* Voices::find(std::string_view name) const {
  if (name.empty() && !files_.empty()) return &files_.front();
  const auto found =
      std::ranges::find_if(files_, [name](const VoiceFile& file) { return file.voice.name == name; });
  return found == files_.end() ? nullptr : &*found;
}

void Voices::fail_unknown(const std::string& name) const {
  std::string names;
  for (const VoiceFile& file : files_) names += (names.empty() ? "" : ", ") + file.voice.name;
  throw std::invalid_argument(names.empty() ? std::string("The bundle has no voice to speak in") + how_to_add
                                            : "There is no voice or recording \"" + name +
                                                  "\"; the bundle's voices are " + names);
}

SpeakerPrompt Voices::prompt_of(const std::string& voice_or_file) const {
  if (const VoiceFile* file = find(voice_or_file))
    return speaker_encoder_.encode(audio_file::read_sound(file->recording));
  if (voice_or_file.empty() || !std::filesystem::exists(voice_or_file)) fail_unknown(voice_or_file);
  return speaker_encoder_.encode(audio_file::read_sound(voice_or_file));
}

std::shared_ptr<const PreparedVoice> Voices::prepared(const std::string& name) {
  const VoiceFile* file = find(name);
  if (file == nullptr) fail_unknown(name);
  auto& voice = prepared_[file->voice.name];
  if (!voice) voice = token2wav_.prepare(prompt_of(file->voice.name), {});
  return voice;
}

}  // namespace parley::step_audio_2
