// Audio tokens to a whole recording, at once or in chunks, as the reference implementation does it or as the
// server does: for `parley synthesize`, and for the spoken answers of `parley generate`.
//
// One thread. No ATen here.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/speaker_prompt.hpp"
#include "engine/models/step_audio_2/voices.hpp"

namespace parley::step_audio_2 {

struct SynthesizeSettings {
  bool streaming = false;
  Trim trim = Trim::bounded;  // of streams; under the reference's policies chunks are of 25 + 3 tokens
  Lookahead lookahead = Lookahead::silence;
  Token2WavNoise noise = {};
};

struct Synthesized {
  SpeakerPrompt prompt;
  std::vector<float> mel;  // [frames, bins], 50 a second
  std::vector<float> pcm;  // 24 kHz mono
};

// Noise from a safetensors file: cfm_noise [1, bins, frames] and source_noise.K [1, samples, harmonics].
// Throws std::runtime_error with a sentence that names the file and the tensor.
Token2WavNoise read_noise(const std::filesystem::path& file);

// `voice`: one of the bundle's, or the path of a recording. Throws std::invalid_argument with a sentence.
Synthesized synthesize(const Voices& voices, std::span<const int> tokens, const std::string& voice,
                       const SynthesizeSettings& settings);

}  // namespace parley::step_audio_2
