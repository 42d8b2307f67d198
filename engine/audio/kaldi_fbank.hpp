// Log-mel energies as Kaldi makes them, which speaker networks are trained on.
//
//   frames of 400 samples every 160, as many as fit -> less their mean -> pre-emphasis 0.97 -> Povey's window
//     (Hann's to the power of 0.85) -> power spectrum of 512 -> 80 filters from 20 Hz to 8 kHz -> ln
//
// The defaults of torchaudio.compliance.kaldi.fbank with 80 filters and no dither.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::audio {

inline constexpr int fbank_sample_rate_hz = 16000;
inline constexpr std::size_t fbank_window_samples = 400;  // 25 ms
inline constexpr std::size_t fbank_hop_samples = 160;     // 10 ms
inline constexpr std::size_t fbank_bins = 80;

// pcm: -1..1, not scaled to 16 bits. Gives [frames, 80]. Throws std::invalid_argument when the sound is
// shorter than a window.
std::vector<float> kaldi_fbank(std::span<const float> pcm);

}  // namespace parley::audio
