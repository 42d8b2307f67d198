// Makes the speaker prompt of a short recording: its speech tokens, a vector that tells its voice, and its
// spectrum. Once a voice, not once a turn.
//
// No ATen here: others compile without it.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/audio_file/audio_file.hpp"
#include "engine/models/step_audio_2/speaker_prompt.hpp"

namespace parley::step_audio_2 {

struct SpeakerOptions {
  int threads = 0;             // on the CPU, the caller's included; 0: as many as there are cores
  std::string device = "cpu";  // or "cuda", "cuda:1": opened before with cuda::open
};

// The networks, about 130 M parameters in float32. May be used from any thread; calls wait for each other.
// LibTorch's own pool should have one thread (at::set_num_threads(1)).
class SpeakerEncoder {
 public:
  static constexpr double shortest_seconds = 0.05;  // two tokens; 3 to 10 s make a good prompt
  static constexpr double longest_seconds = 30.0;

  // The folder holds s3_tokenizer.safetensors and campplus.safetensors, a bundle's speaker part. Throws
  // std::runtime_error with a sentence that lists the tensors that do not fit.
  static SpeakerEncoder load(const std::filesystem::path& speaker_folder, const SpeakerOptions& options);
  ~SpeakerEncoder();
  SpeakerEncoder(SpeakerEncoder&&) noexcept;
  SpeakerEncoder& operator=(SpeakerEncoder&&) noexcept;

  // Any rate, any number of channels: the first is tokenised and compared, their mean makes the spectrum, as
  // the original has it. Throws std::invalid_argument with a sentence when the recording is too short or too
  // long.
  SpeakerPrompt encode(const audio_file::Sound& recording) const;

  // The parts of it, of 16 kHz mono, -1..1. Throw std::invalid_argument when there is too little of it.
  std::vector<int> tokens_of(std::span<const float> pcm_16k) const;  // any length; samples / 640 rounded up
  std::vector<float> embedding_of(std::span<const float> pcm_16k) const;
  // [tokens, 8], -1..1: what is rounded to make the tokens. For comparisons: a token near a tie may differ.
  std::vector<float> token_levels_of(std::span<const float> pcm_16k) const;

 private:
  struct Impl;
  explicit SpeakerEncoder(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::step_audio_2
