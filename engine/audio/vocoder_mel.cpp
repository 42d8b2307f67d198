#include "engine/audio/vocoder_mel.hpp"

#include <algorithm>
#include <cmath>

#include "engine/audio/framing.hpp"
#include "engine/audio/mel_filters.hpp"
#include "engine/audio/power_spectrum.hpp"

namespace parley::audio {
namespace {

constexpr std::size_t vocoder_window_samples = 1920;
constexpr float power_offset = 1e-9F;
constexpr float smallest_magnitude = 1e-5F;

}  // namespace

std::vector<float> vocoder_mel(std::span<const float> pcm) {
  const std::vector<float> sound =
      with_mirrored_ends(pcm, (vocoder_window_samples - vocoder_hop_samples) / 2);
  const std::vector<float> window = hann_window(vocoder_window_samples);
  PowerSpectrum spectrum(vocoder_window_samples);
  const MelFilters filters = MelFilters::slaney({.filters = vocoder_mels,
                                                 .transform_samples = vocoder_window_samples,
                                                 .sample_rate_hz = vocoder_sample_rate_hz,
                                                 .lowest_hz = 0.0,
                                                 .highest_hz = 8000.0});
  const std::size_t frames = (sound.size() - vocoder_window_samples) / vocoder_hop_samples + 1;
  std::vector<float> result(frames * vocoder_mels);
  std::vector<float> frame(vocoder_window_samples), magnitude(spectrum.bins());
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t n = 0; n < frame.size(); ++n) frame[n] = sound[t * vocoder_hop_samples + n] * window[n];
    spectrum(frame, magnitude);
    for (float& value : magnitude) value = std::sqrt(value + power_offset);
    filters(magnitude, std::span(result).subspan(t * vocoder_mels, vocoder_mels));
  }
  for (float& value : result) value = std::log(std::max(value, smallest_magnitude));
  return result;
}

}  // namespace parley::audio
