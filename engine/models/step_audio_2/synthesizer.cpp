// Tested by test/engine/models/step_audio_2/synthesizer_test.cpp.
#include "engine/models/step_audio_2/synthesizer.hpp"

#include <cstring>
#include <stdexcept>

#include "engine/weights/safetensors.hpp"
#include "engine/weights/transposed.hpp"

namespace parley::step_audio_2 {
namespace {

void append(std::vector<float>& to, const std::vector<float>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// The values of a float32 tensor of three axes, the first of them one.
std::vector<float> values_of(const weights::TensorView& tensor, const std::filesystem::path& file) {
  if (tensor.dtype != weights::Dtype::f32 || tensor.shape.size() != 3 || tensor.shape[0] != 1)
    throw std::runtime_error(file.string() + ": the tensor " + tensor.name +
                             " should be F32 with three axes, the first of them 1, but is " +
                             std::string(weights::name_of(tensor.dtype)) + " " +
                             weights::to_string(tensor.shape));
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

}  // namespace

Token2WavNoise read_noise(const std::filesystem::path& file) {
  const weights::Safetensors tensors(file);
  Token2WavNoise noise;
  if (const auto* flow = tensors.find("cfm_noise"))
    noise.flow = weights::transposed(values_of(*flow, file), static_cast<std::size_t>(flow->shape[1]));
  for (std::size_t call = 0;; ++call) {
    const auto* source = tensors.find("source_noise." + std::to_string(call));
    if (source == nullptr) break;
    noise.source.push_back(values_of(*source, file));
  }
  if (noise.flow.empty() && noise.source.empty())
    throw std::runtime_error(file.string() + " holds no noise; expected cfm_noise [1, bins, frames] and " +
                             "source_noise.0 [1, samples, harmonics], source_noise.1, ...");
  return noise;
}

Synthesized synthesize(const Voices& voices, std::span<const int> tokens, const std::string& voice,
                       const SynthesizeSettings& settings) {
  const Token2Wav& token2wav = voices.token2wav();
  Synthesized result{voices.prompt_of(voice), {}, {}};
  std::vector<int> speech;
  for (const int token : tokens) {
    if (token < 0)
      throw std::invalid_argument("Audio tokens are 0 .. " + std::to_string(token2wav.vocabulary() - 1) +
                                  ", but there is a " + std::to_string(token));
    if (token < token2wav.vocabulary()) speech.push_back(token);  // the others are padding
  }
  if (speech.empty()) throw std::invalid_argument("There is no audio token to speak.");
  if (!settings.streaming) {
    SpeechChunk whole = token2wav.offline(speech, result.prompt, settings.noise, /*as_reference=*/true);
    result.mel = std::move(whole.mel);
    result.pcm = std::move(whole.pcm);
    return result;
  }
  VoiceOptions voice_options;
  voice_options.trim = settings.trim;
  voice_options.lookahead = settings.lookahead;
  voice_options.noise = settings.noise;
  StreamOptions stream_options;
  stream_options.noise = settings.noise;
  stream_options.mel = true;
  if (settings.trim != Trim::bounded) stream_options.chunks = ChunkSettings::as_reference();
  Token2WavStream stream = token2wav.start(token2wav.prepare(result.prompt, voice_options), stream_options);
  stream.push_tokens(speech);
  stream.finish();
  Token2WavStream* const one = &stream;
  while (!stream.finished()) {
    const SpeechChunk chunk = token2wav.render({&one, 1}).front();
    append(result.mel, chunk.mel);
    append(result.pcm, chunk.pcm);
  }
  return result;
}

}  // namespace parley::step_audio_2
