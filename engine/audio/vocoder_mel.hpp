// Log-mel spectra of 24 kHz sound as HiFi-GAN's family of vocoders reads them.
//
//   720 mirrored samples at either end -> Hann window of 1920 every 480 -> sqrt(power + 1e-9)
//     -> 80 mel filters (Slaney's scale, equal areas) up to 8 kHz -> ln, nothing below 1e-5
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::audio {

inline constexpr int vocoder_sample_rate_hz = 24000;
inline constexpr std::size_t vocoder_hop_samples = 480;  // 50 frames a second
inline constexpr std::size_t vocoder_mels = 80;

// pcm: -1..1. Gives [samples / 480, 80]. Throws std::invalid_argument when there are no more than 720
// samples.
std::vector<float> vocoder_mel(std::span<const float> pcm);

}  // namespace parley::audio
