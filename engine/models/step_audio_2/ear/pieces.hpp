// How much becomes of a piece of sound, from samples to tokens, as the reference counts (pure functions).
//
//   samples -> frames (10 ms) -> positions of the encoder (20 ms) -> pooled (40 ms) -> tokens (80 ms)
//
// A recording is cut into pieces of 25 s. Of a piece's frames the reference calls all but the last two valid;
// the network computes the others too, but later positions do not attend to them, and their tokens are
// dropped. All divisions round down, also of negative numbers: a tail of 20 ms or less has no token at all.
#pragma once

#include <algorithm>
#include <cstddef>

namespace parley::step_audio_2 {

inline constexpr int ear_sample_rate_hz = 16000;
inline constexpr std::size_t piece_samples = 400'000;  // 25 s; the last piece of a recording is shorter
inline constexpr std::size_t piece_padding = 479;      // samples of silence that the spectrum takes behind it
inline constexpr int invalid_frames = 2;               // at the end of each piece

constexpr int divide_down(int a, int b) { return a / b - (a % b < 0 ? 1 : 0); }

constexpr int frames_of(std::size_t samples) { return static_cast<int>((samples + piece_padding) / 160); }

// Positions that the encoder computes for so many frames, and pooled ones for so many positions.
constexpr int positions_of(int frames) { return (frames + 1) / 2; }
constexpr int pooled_of(int positions) { return positions / 2; }

// Positions that others may attend to, of a piece of `frames` that was padded to `padded` frames: of the
// frames every second one counts, the last of them always being one.
constexpr int keys_of(int frames, int padded) {
  const int first = (padded + 1) % 2;
  return std::clamp(divide_down(frames - invalid_frames - first + 1, 2), 0, positions_of(padded));
}
constexpr int keys_of(int frames) { return keys_of(frames, frames); }

// Pooled positions that count as valid: the encoder's output.
constexpr int encoded_of(int frames) { return (frames - invalid_frames + 1) / 2 / 2; }

// The adaptor's convolution, padded by one on either side.
struct AdaptorStep {
  int kernel = 3;
  int stride = 2;
};
constexpr int tokens_of(int frames, const AdaptorStep& step = {}) {
  return std::max(0, divide_down(encoded_of(frames) + 2 - step.kernel, step.stride) + 1);
}

}  // namespace parley::step_audio_2
