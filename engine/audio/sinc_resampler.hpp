// Changes the sample rate of a whole sound exactly as the networks' training code does.
//
// A sinc at 0.99 of half the lower rate under a Hann window that spans six of its zeros to either side, which
// is what torchaudio.transforms.Resample does by default. The streaming Resampler sounds as good and differs
// by more than a network's parity test forgives.
#pragma once

#include <span>
#include <vector>

namespace parley::audio {

// Gives ceil(samples * to_hz / from_hz) samples; beyond its ends the sound is silent. Equal rates give the
// sound as it is. Throws std::invalid_argument for rates that are not positive.
std::vector<float> resample_by_sinc(std::span<const float> pcm, int from_hz, int to_hz);

}  // namespace parley::audio
