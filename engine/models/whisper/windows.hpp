// How an utterance becomes encoder passes: which lengths there are, and where long speech is cut.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::whisper {

inline constexpr std::size_t frames_per_second = 100;  // of features
inline constexpr std::size_t frames_per_position = 2;  // of the encoder's output, which has 50 a second

// The encoder positions to compute for so many frames of speech: 0.3 s of silence after them, rounded up so
// that utterances of similar length share a pass: to 0.64 s up to 7.68 s, to 2.56 s above, and to `most`, the
// model's whole window. Multiples of 16, in which the decoder keeps positions, except for `most`.
int rounded_positions(std::size_t frames, int most);

// Where the window that begins at frame `first` ends. All of the rest if it fits into `most` frames; else the
// quietest place in the last part of them: between words, or where the speaker draws breath.
// spectrum: [frames, mels], log10.
std::size_t window_end(std::span<const float> spectrum, std::size_t mels, std::size_t first,
                       std::size_t most);

}  // namespace parley::whisper
