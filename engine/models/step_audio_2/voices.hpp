// The voices of a bundle: recordings of how they sound, and what token2wav computes of each once.
//
// A voice is prepared when it is first asked for: its recording is turned into a speaker prompt (some seconds
// at the published sizes), which its streams then share. One thread at a time (the engine's).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/step_audio_2/speaker/speaker_encoder.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"
#include "engine/speech_model.hpp"
#include "engine/weights/bundle.hpp"

namespace parley::cuda {
class Device;
}

namespace parley::step_audio_2 {

// What BUNDLE/voices/voices.json lists.
struct VoiceFile {
  engine::Voice voice;
  std::filesystem::path recording;
};
// Throws std::runtime_error with a sentence that names the file and the voice.
std::vector<VoiceFile> read_voices(const std::filesystem::path& folder);

struct VoicesOptions {
  std::string device = "cpu";
  int threads = 0;
  std::string dit_dtype = "float32";
  bool graphs = false;          // of token2wav's flow steps, captured on `gpu`
  cuda::Device* gpu = nullptr;  // opened, where `device` is a GPU's; it must outlive the voices
};

class Voices {
 public:
  static Voices load(const weights::Bundle& bundle, const VoicesOptions& options);

  const std::vector<engine::Voice>& list() const { return list_; }  // the first is the default
  const Token2Wav& token2wav() const { return token2wav_; }
  const SpeakerEncoder& speaker_encoder() const { return speaker_encoder_; }

  // The speaker prompt of a voice of the bundle, or of the recording of that path. Throws
  // std::invalid_argument with a sentence that lists the voices there are.
  SpeakerPrompt prompt_of(const std::string& voice_or_file) const;

  // "": the default. Throws std::invalid_argument where the bundle has no such voice.
  std::shared_ptr<const PreparedVoice> prepared(const std::string& name);

 private:
  Voices(std::vector<VoiceFile> files, SpeakerEncoder speaker_encoder, Token2Wav token2wav);
  const VoiceFile* find(std::string_view name) const;
  [[noreturn]] void fail_unknown(const std::string& name) const;

  std::vector<VoiceFile> files_;
  std::vector<engine::Voice> list_;
  SpeakerEncoder speaker_encoder_;
  Token2Wav token2wav_;
  std::map<std::string, std::shared_ptr<const PreparedVoice>> prepared_;
};

}  // namespace parley::step_audio_2
