#include "engine/audio/log_mel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/audio/framing.hpp"
#include "engine/audio/mel_filters.hpp"
#include "engine/audio/power_spectrum.hpp"

namespace parley::audio {
namespace {

constexpr std::size_t window_samples = LogMel::window_samples;
constexpr std::size_t hop_samples = LogMel::hop_samples;
constexpr std::size_t bins = window_samples / 2 + 1;
constexpr std::size_t mirrored = window_samples / 2;  // samples before the first: half a window
constexpr float smallest_power = 1e-10F;

// Puts before the sound the mirror image of its beginning, as long as half a window.
void mirror(std::vector<float>& sound) {
  std::vector<float> image(sound.begin() + 1, sound.begin() + mirrored + 1);
  sound.insert(sound.begin(), image.rbegin(), image.rend());
}

}  // namespace

// The tables of all streams with as many filters. The spectrum has a scratch area of its own: one thread at a
// time analyses with it.
class MelFilterbank {
 public:
  explicit MelFilterbank(std::size_t mels)
      : window_(hann_window(window_samples)),
        spectrum_(window_samples),
        filters_(MelFilters::slaney({.filters = mels,
                                     .transform_samples = window_samples,
                                     .sample_rate_hz = LogMel::sample_rate_hz,
                                     .lowest_hz = 0.0,
                                     .highest_hz = LogMel::sample_rate_hz / 2.0})) {}

  // sound: window_samples. Appends one frame to `frames`.
  void analyse(std::span<const float> sound, std::vector<float>& frames) {
    std::array<float, window_samples> windowed;
    for (std::size_t n = 0; n < window_samples; ++n) windowed[n] = sound[n] * window_[n];
    std::array<float, bins> power;
    spectrum_(windowed, power);
    frames.resize(frames.size() + filters_.size());
    const std::span<float> frame = std::span(frames).last(filters_.size());
    filters_(power, frame);
    for (float& value : frame) value = std::log10(std::max(value, smallest_power));
  }

 private:
  std::vector<float> window_;
  PowerSpectrum spectrum_;
  MelFilters filters_;
};

LogMel::LogMel(int mels)
    : LogMel(std::make_shared<MelFilterbank>(static_cast<std::size_t>(mels)),
             static_cast<std::size_t>(mels)) {}

LogMel::LogMel(std::shared_ptr<MelFilterbank> filterbank, std::size_t mels)
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
