#include "engine/models/step_audio_2/speaker/s3_tokenizer.hpp"

#include <algorithm>

#include "engine/models/step_audio_2/speaker/extent.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr std::int64_t frames_a_token = 4;
constexpr std::int64_t window_frames = 3000, window_stride = 2600;
constexpr std::int64_t cut_tokens = (window_frames - window_stride) / 2 / frames_a_token;
constexpr double below_one = 0.9990000128746033;  // the checkpoint's: keeps tanh from ties at 1
constexpr int digit_base = 3;

}  // namespace

std::vector<TokenWindow> token_windows(std::int64_t frames) {
  const std::int64_t stride = frames > window_frames ? window_stride : window_frames;
  std::vector<TokenWindow> windows;
  for (std::int64_t begin = 0; begin < frames; begin += stride) {
    const std::int64_t end = std::min(begin + window_frames, frames);
    const std::int64_t made = (end - begin + frames_a_token - 1) / frames_a_token;
    const bool first = begin == 0, last = begin + stride >= frames;
    const std::int64_t first_kept = first ? 0 : std::min(cut_tokens, made);
    windows.push_back({.begin = begin,
                       .end = end,
                       .first_kept = first_kept,
                       .end_kept = last ? made : std::max(first_kept, made - cut_tokens)});
  }
  return windows;
}

S3Tokenizer::S3Tokenizer(const weights::Weights& weights, const layers::Placement& placement)
    : encoder(weights.scope("encoder"), placement),
      project_down(weights.scope("quantizer._codebook.project_down"), encoder.width,
                   extent(weights, "quantizer._codebook.project_down.weight", 2, 0), placement) {}

Tensor S3Tokenizer::levels(const Tensor& mel, const TimeSlices& slices) const {
  std::vector<Tensor> kept;
  for (const TokenWindow& window : token_windows(mel.size(0))) {
    if (window.first_kept == window.end_kept) continue;
    const Tensor hidden = encoder(mel.slice(0, window.begin, window.end), slices);
    kept.push_back(project_down(hidden.slice(0, window.first_kept, window.end_kept)).tanh() * below_one);
  }
  return at::cat(kept);
}

std::vector<int> S3Tokenizer::tokens(const Tensor& levels) {
  const Tensor digits =
      (levels.round() + 1).to(at::kCPU, at::kInt).contiguous();  // halves go to the even side
  std::vector<int> ids;
  for (std::int64_t token = 0; token < digits.size(0); ++token) {
    const int* digit = digits.const_data_ptr<int>() + token * digits.size(1);
    int id = 0;
    for (std::int64_t place = digits.size(1); place > 0; --place) id = id * digit_base + digit[place - 1];
    ids.push_back(id);
  }
  return ids;
}

}  // namespace parley::step_audio_2
