// Speech tokens to speech: 25 tokens a second become 24 kHz PCM. No tensors in this header.
//
//   Token2Wav token2wav = Token2Wav::load(bundle.part("token2wav"), {});
//   auto voice = token2wav.prepare(speaker_prompt, {});       // once a voice; some seconds on a CPU
//   Token2WavStream stream = token2wav.start(voice, {.noise = {.seed = 7}});
//   stream.push_tokens(ids);                                   // as the language model says them
//   while (stream.chunk_ready()) { Token2WavStream* one = &stream; send(token2wav.render({&one, 1})[0].pcm);
//   } stream.finish(); while (!stream.finished()) ...render as above
//
// A stream takes as much memory and a chunk as much time after an hour as after a second. What a stream
// sounds like depends on its tokens, its voice and its noise, and not on the streams rendered with it: on the
// CPU to the last bit. Rendering in chunks is not what rendering at once is: a chunk does not see what comes
// after it.
//
// One thread at a time. On the CPU the work is spread over a team of threads, two of which a single stream
// keeps busy and more of which several streams do, and LibTorch's own pool should be set to one. A GPU must
// have been opened (engine/cuda/device.hpp) before it is named here.
//
// Tested by token2wav_test.cpp and token2wav_parity_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/speaker_prompt.hpp"
#include "engine/models/step_audio_2/token2wav/chunk_schedule.hpp"
#include "engine/models/step_audio_2/token2wav/trim.hpp"

namespace parley::cuda {
class Device;
}

namespace parley::step_audio_2 {

inline constexpr int speech_rate_hz = 24000;

struct Token2WavOptions {
  int threads = 0;                    // of the CPU's team, the caller counted; 0: as many as there are cores
  std::string device = "cpu";         // "cpu", "cuda", "cuda:1"
  std::string dit_dtype = "float32";  // or "bfloat16": the estimator's weights and caches, half the memory
  // A stream's flow steps are computed in fixed buffers, on a GPU as one CUDA graph a chunk; fixed_solver.hpp
  // says what that takes. Without a GPU the same is computed kernel by kernel: for tests.
  bool graphs = false;
  cuda::Device* gpu = nullptr;  // the opened device, where graphs are captured; it must outlive the model
};

// All that is random. Numbers that are given stand in for the seed's, for comparisons with the reference.
struct Token2WavNoise {
  std::uint64_t seed = 0;
  std::vector<float> flow = {};                 // [frames, mel bins]; of streams, frame n lies at place n
  std::vector<std::vector<float>> source = {};  // of each call of the vocoder [480 * its frames, harmonics]
};

struct VoiceOptions {
  Trim trim = Trim::bounded;
  Lookahead lookahead = Lookahead::silence;
  int history_frames = 100;   // that a bounded stream keeps besides the prompt, 50 a second
  Token2WavNoise noise = {};  // of the prompt; `source` is not used
};

struct StreamOptions {
  Token2WavNoise noise = {};
  ChunkSettings chunks = {};
  double speed = 1;  // 0.25 .. 4: as fast as it was made, or faster, at the same pitch
  bool mel = false;  // whether chunks bring their mel frames along
};

struct SpeechChunk {
  std::vector<float> pcm;  // 24 kHz mono, -0.99 .. 0.99
  std::vector<float> mel;  // [frames, mel bins], where asked for
  bool last = false;
};

struct PreparedVoice;  // what is computed once for a voice; shared by its streams
std::size_t bytes_of(const PreparedVoice& voice);

// A speech in the making. Destroyed whenever: nothing else knows it.
class Token2WavStream {
 public:
  ~Token2WavStream();
  Token2WavStream(Token2WavStream&&) noexcept;
  Token2WavStream& operator=(Token2WavStream&&) noexcept;

  // Values past the vocabulary, which the language model says where it has no speech to say, are left out.
  // Throws std::invalid_argument on negative ones.
  void push_tokens(std::span<const int> tokens);
  void finish();  // no more tokens will come

  bool chunk_ready() const;
  int chunk_tokens() const;  // of the chunk that is ready, look-ahead included; 0: none is
  int waiting_tokens() const;
  bool finished() const;      // all has been rendered
  std::size_t bytes() const;  // of its caches, those of the voice not counted; 0 before the first chunk

 private:
  friend class Token2Wav;
  struct State;
  explicit Token2WavStream(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

class Token2Wav {
 public:
  // FOLDER has config.json, flow.safetensors and hift.safetensors. Throws std::runtime_error with a sentence
  // for the operator when one is missing or does not fit.
  static Token2Wav load(const std::filesystem::path& folder, const Token2WavOptions& options);
  ~Token2Wav();
  Token2Wav(Token2Wav&&) noexcept;
  Token2Wav& operator=(Token2Wav&&) noexcept;

  // Throws std::invalid_argument where the prompt's sizes are not this model's.
  std::shared_ptr<const PreparedVoice> prepare(const SpeakerPrompt& prompt,
                                               const VoiceOptions& options) const;

  Token2WavStream start(std::shared_ptr<const PreparedVoice> voice, const StreamOptions& options) const;

  // The next chunk of each stream; all must be ready. When it throws, every stream is as it was before.
  std::vector<SpeechChunk> render(std::span<Token2WavStream* const> streams) const;

  // All at once. as_reference: the source as the reference makes it (sine_source.hpp).
  SpeechChunk offline(std::span<const int> tokens, const SpeakerPrompt& prompt, const Token2WavNoise& noise,
                      bool as_reference = false) const;

  int vocabulary() const;
  int mel_bins() const;
  int lookahead_tokens() const;
  int samples_per_token() const;

 private:
  struct Parts;
  explicit Token2Wav(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace parley::step_audio_2
