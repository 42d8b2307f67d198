// Speech tokens of a recording, 25 a second: S3TokenizerV2 (https://github.com/xingchensong/S3Tokenizer), the
// tokenizer of CosyVoice 2 (Du et al. 2024).
//
//   log-mel -> encoder -> linear to 8 numbers -> tanh -> each rounded to -1, 0 or 1 -> one number of 8
//   digits, base 3
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layers/linear.hpp"
#include "engine/models/step_audio_2/speaker/s3_encoder.hpp"

namespace parley::step_audio_2 {

// A part of a long recording that is read by itself, and which of its tokens are kept.
struct TokenWindow {
  std::int64_t begin, end;            // frames
  std::int64_t first_kept, end_kept;  // tokens, counted from the window's first

  bool operator==(const TokenWindow&) const = default;
};
// Up to 30 s in one; longer ones in windows of 30 s every 26 s, whose overlap loses 2 s to either side.
std::vector<TokenWindow> token_windows(std::int64_t frames);

// Immutable; one thread at a time for the team in `slices`.
struct S3Tokenizer {
  S3Tokenizer(const weights::Weights& weights, const layers::Placement& placement);

  // mel: [frames, mels] -> [tokens, digits], -1..1: the digits before they are rounded
  at::Tensor levels(const at::Tensor& mel, const TimeSlices& slices) const;
  // levels: [tokens, digits]
  static std::vector<int> tokens(const at::Tensor& levels);

  S3Encoder encoder;
  layers::Linear project_down;  // of quantizer._codebook
};

}  // namespace parley::step_audio_2
