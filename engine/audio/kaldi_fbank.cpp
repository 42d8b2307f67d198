#include "engine/audio/kaldi_fbank.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/audio/mel_filters.hpp"
#include "engine/audio/power_spectrum.hpp"

namespace parley::audio {
namespace {

constexpr std::size_t fbank_transform_samples = 512;
constexpr float pre_emphasis = 0.97F;
constexpr float smallest_energy = std::numeric_limits<float>::epsilon();

std::vector<float> povey_window() {
  std::vector<float> window(fbank_window_samples);
  for (std::size_t n = 0; n < window.size(); ++n) {
    const double angle =
        2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(window.size() - 1);
    window[n] = static_cast<float>(std::pow(0.5 - 0.5 * std::cos(angle), 0.85));
  }
  return window;
}

// The first sample of a frame stands in for the one before it.
void prepare(std::span<const float> sound, std::span<const float> window, std::span<float> frame) {
  const auto mean = static_cast<float>(std::accumulate(sound.begin(), sound.end(), 0.0) /
                                       static_cast<double>(sound.size()));
  float before = sound.front() - mean;
  for (std::size_t n = 0; n < sound.size(); ++n) {
    const float sample = sound[n] - mean;
    frame[n] = (sample - pre_emphasis * before) * window[n];
    before = sample;
  }
}

}  // namespace

std::vector<float> kaldi_fbank(std::span<const float> pcm) {
  if (pcm.size() < fbank_window_samples)
    throw std::invalid_argument("a sound of " + std::to_string(pcm.size()) +
                                " samples is too short to tell a voice by; at least " +
                                std::to_string(fbank_window_samples) + " are needed");
  PowerSpectrum spectrum(fbank_transform_samples);
  const MelFilters filters = MelFilters::kaldi({.filters = fbank_bins,
                                                .transform_samples = fbank_transform_samples,
                                                .sample_rate_hz = fbank_sample_rate_hz,
                                                .lowest_hz = 20.0,
                                                .highest_hz = fbank_sample_rate_hz / 2.0});
  const std::vector<float> window = povey_window();
  const std::size_t frames = (pcm.size() - fbank_window_samples) / fbank_hop_samples + 1;
  std::vector<float> result(frames * fbank_bins);
  std::vector<float> frame(fbank_transform_samples, 0.0F), power(spectrum.bins());
  for (std::size_t t = 0; t < frames; ++t) {
    prepare(pcm.subspan(t * fbank_hop_samples, fbank_window_samples), window, frame);
    spectrum(frame, power);
    filters(power, std::span(result).subspan(t * fbank_bins, fbank_bins));
  }
  for (float& energy : result) energy = std::log(std::max(energy, smallest_energy));
  return result;
}

}  // namespace parley::audio
