#include "engine/audio/log_mel.hpp"

#include <kiss_fftr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace parley::audio {
namespace {

constexpr std::size_t window_samples = LogMel::window_samples;
constexpr std::size_t hop_samples = LogMel::hop_samples;
constexpr std::size_t bins = window_samples / 2 + 1;
constexpr std::size_t mirrored = window_samples / 2;  // samples before the first: half a window
constexpr float smallest_power = 1e-10F;

// Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz, then 27 steps for a factor of 6.4.
constexpr double linear_hz_per_mel = 200.0 / 3.0;
constexpr double first_log_hz = 1000.0;
constexpr double first_log_mel = first_log_hz / linear_hz_per_mel;
const double log_step = std::log(6.4) / 27.0;

double mel_of(double hz) {
  return hz < first_log_hz ? hz / linear_hz_per_mel : first_log_mel + std::log(hz / first_log_hz) / log_step;
}

double hz_of(double mel) {
  return mel < first_log_mel ? mel * linear_hz_per_mel
                             : first_log_hz * std::exp((mel - first_log_mel) * log_step);
}

// Puts before the sound the mirror image of its beginning, as long as half a window.
void mirror(std::vector<float>& sound) {
  std::vector<float> image(sound.begin() + 1, sound.begin() + mirrored + 1);
  sound.insert(sound.begin(), image.rbegin(), image.rend());
}

}  // namespace

// The tables of all streams with as many filters. A filter is a triangle over a few neighbouring bins.
class MelFilterbank {
 public:
  explicit MelFilterbank(std::size_t mels) : fft_(kiss_fftr_alloc(window_samples, 0, nullptr, nullptr)) {
    for (std::size_t n = 0; n < window_samples; ++n)
      window_[n] = static_cast<float>(
          0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(n) / window_samples));

    constexpr double highest_hz = LogMel::sample_rate_hz / 2.0;
    std::vector<double> corners(mels + 2);  // Hz
    for (std::size_t i = 0; i < corners.size(); ++i)
      corners[i] = hz_of(mel_of(highest_hz) * static_cast<double>(i) / static_cast<double>(mels + 1));
    for (std::size_t m = 0; m < mels; ++m) {
      double left = corners[m], centre = corners[m + 1], right = corners[m + 2];
      Filter filter{0, {}};
      for (std::size_t bin = 0; bin < bins; ++bin) {
        double hz = static_cast<double>(bin) * LogMel::sample_rate_hz / window_samples;
        double height = std::min((hz - left) / (centre - left), (right - hz) / (right - centre));
        if (height <= 0) continue;
        if (filter.weights.empty()) filter.first_bin = bin;
        filter.weights.push_back(static_cast<float>(height * 2.0 / (right - left)));
      }
      filters_.push_back(std::move(filter));
    }
  }
  ~MelFilterbank() { kiss_fftr_free(fft_); }
  MelFilterbank(const MelFilterbank&) = delete;
  MelFilterbank& operator=(const MelFilterbank&) = delete;

  // sound: window_samples. Appends one frame to `frames`.
  void analyse(std::span<const float> sound, std::vector<float>& frames) const {
    std::array<float, window_samples> windowed;
    for (std::size_t n = 0; n < window_samples; ++n) windowed[n] = sound[n] * window_[n];
    std::array<kiss_fft_cpx, bins> spectrum;
    kiss_fftr(fft_, windowed.data(), spectrum.data());
    std::array<float, bins> power;
    for (std::size_t bin = 0; bin < bins; ++bin)
      power[bin] = spectrum[bin].r * spectrum[bin].r + spectrum[bin].i * spectrum[bin].i;
    for (const Filter& filter : filters_) {
      float sum = 0;
      for (std::size_t i = 0; i < filter.weights.size(); ++i)
        sum += filter.weights[i] * power[filter.first_bin + i];
      frames.push_back(std::log10(std::max(sum, smallest_power)));
    }
  }

 private:
  struct Filter {
    std::size_t first_bin;
    std::vector<float> weights;
  };

  kiss_fftr_cfg fft_;  // has a scratch area of its own: one thread at a time transforms with it
  std::array<float, window_samples> window_;
  std::vector<Filter> filters_;
};

LogMel::LogMel(int mels)
    : LogMel(std::make_shared<const MelFilterbank>(static_cast<std::size_t>(mels)),
             static_cast<std::size_t>(mels)) {}

LogMel::LogMel(std::shared_ptr<const MelFilterbank> filterbank, std::size_t mels)
    : filterbank_(std::move(filterbank)), mels_(mels) {}

void LogMel::push(std::span<const float> pcm) {
  samples_ += pcm.size();
  recent_.insert(recent_.end(), pcm.begin(), pcm.end());
  if (frames_.empty()) {
    if (recent_.size() <= mirrored) return;
    mirror(recent_);  // long enough for the first frame now
  }
  std::size_t start = 0;
  for (; start + window_samples <= recent_.size(); start += hop_samples)
    filterbank_->analyse(std::span(recent_).subspan(start, window_samples), frames_);
  recent_.erase(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(start));
}

std::vector<float> LogMel::spectrum(std::size_t padding) const {
  const std::size_t size = frames(padding) * mels_;
  std::vector<float> all = frames_;
  all.reserve(size);
  std::vector<float> sound = recent_;
  std::size_t end = sound.size() + padding;  // where the mirror stands
  if (frames_.empty()) {
    sound.resize(std::max(sound.size(), mirrored + 1));
    mirror(sound);
    end += mirrored;
  }
  // the last frame may look half a window less a hop beyond the end
  sound.resize(std::max(sound.size(), end + mirrored));
  for (std::size_t beyond = 0; beyond + 1 < std::min(mirrored, end); ++beyond)
    sound[end + beyond] = sound[end - 2 - beyond];
  for (std::size_t start = 0; all.size() < size; start += hop_samples)
    filterbank_->analyse(std::span(sound).subspan(start, window_samples), all);
  return all;
}

void normalize_log_mel(std::span<float> spectrum) {
  if (spectrum.empty()) return;
  float floor = *std::max_element(spectrum.begin(), spectrum.end()) - 8.0F;
  for (float& value : spectrum) value = (std::max(value, floor) + 4.0F) / 4.0F;
}

}  // namespace parley::audio
