#include "engine/models/step_audio_2/speaker/token_mel.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/audio/framing.hpp"
#include "engine/audio/log_mel.hpp"
#include "engine/audio/mel_filters.hpp"
#include "engine/audio/power_spectrum.hpp"

namespace parley::step_audio_2 {
namespace {

constexpr std::size_t token_window = audio::LogMel::window_samples;
constexpr std::size_t token_hop = audio::LogMel::hop_samples;
constexpr float smallest_mel_power = 1e-10F;

}  // namespace

std::vector<float> token_mel(std::span<const float> pcm, int mels) {
  const auto width = static_cast<std::size_t>(mels);
  const std::vector<float> sound = audio::with_mirrored_ends(pcm, token_window / 2);
  const std::vector<float> window = audio::hann_window(token_window);
  audio::PowerSpectrum spectrum(token_window);
  const auto filters = audio::MelFilters::slaney({.filters = width,
                                                  .transform_samples = token_window,
                                                  .sample_rate_hz = audio::LogMel::sample_rate_hz,
                                                  .lowest_hz = 0.0,
                                                  .highest_hz = audio::LogMel::sample_rate_hz / 2.0});
  const std::size_t frames = pcm.size() / token_hop;
  std::vector<float> result(frames * width);
  std::vector<float> frame(token_window), power(spectrum.bins());
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t n = 0; n < token_window; ++n) frame[n] = sound[t * token_hop + n] * window[n];
    spectrum(frame, power);
    filters(power, std::span(result).subspan(t * width, width));
  }
  for (float& value : result) value = std::log10(std::max(value, smallest_mel_power));
  audio::normalize_log_mel(result);
  return result;
}

}  // namespace parley::step_audio_2
