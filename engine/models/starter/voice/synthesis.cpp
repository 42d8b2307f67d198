#include "engine/models/starter/voice/synthesis.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace parley::voice {
namespace {

using at::Tensor;

constexpr std::int64_t noise_frames = 509;  // a prime: any stride visits all of them
constexpr std::uint64_t noise_seed = 24000;

std::uint64_t mixed(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

Synthesis::Synthesis(const SynthesisConfig& config, float f0_center_hz, at::Device device)
    : config_(config), f0_center_hz_(f0_center_hz), device_(device) {
  Tensor window = at::hann_window(config.n_fft, /*periodic=*/true, at::kFloat);
  Tensor squared = window * window;
  window_squared_.assign(squared.data_ptr<float>(), squared.data_ptr<float>() + config.n_fft);
  window_ = window.to(device);
  pulse_window_ = window_ / (static_cast<float>(config.n_fft) / 4);
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(noise_seed);
  Tensor parts =
      at::randn({noise_frames, config.n_fft / 2 + 1, 2}, generator, at::TensorOptions().dtype(at::kFloat));
  noise_ = at::view_as_complex(parts).to(device);
}

Tensor Synthesis::noise(std::uint64_t seed, std::int64_t begin, std::int64_t count) const {
  Tensor rows = at::empty({count}, at::kLong);
  auto* row = rows.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    // each round through the stock starts elsewhere and takes another stride
    auto [round, place] = std::lldiv(begin + i, noise_frames);
    std::uint64_t order = mixed(seed ^ mixed(static_cast<std::uint64_t>(round)));
    auto start = static_cast<std::int64_t>(order % noise_frames);
    auto stride = static_cast<std::int64_t>(1 + (order >> 32) % (noise_frames - 1));
    row[i] = (start + place * stride) % noise_frames;
  }
  return noise_.index_select(0, rows.to(device_));
}

Tensor Synthesis::stretched(const Tensor& spectra, float stretch) const {
  if (stretch == 1.0F) return spectra;
  std::int64_t bins = spectra.size(-1);
  Tensor from = (at::arange(bins, at::kFloat) / stretch).clamp_max(static_cast<float>(bins - 1));
  Tensor low = from.floor();
  Tensor share = (from - low).to(device_);
  Tensor below = low.to(at::kLong).to(device_);
  Tensor above = (below + 1).clamp_max(bins - 1);
  return at::lerp(spectra.index_select(-1, below), spectra.index_select(-1, above), share);
}

SentenceWave::SentenceWave(const Synthesis& synthesis, const Style& style, std::uint64_t seed)
    : synthesis_(&synthesis), style_(style), seed_(seed) {
  auto overlap = static_cast<std::size_t>(synthesis.config_.n_fft - synthesis.config_.hop);
  sum_.assign(overlap, 0.0F);
  weight_.assign(overlap, 0.0F);
}

std::vector<float> SentenceWave::render(const Tensor& spectra, std::span<const float> f0, bool last) {
  const SynthesisConfig& config = synthesis_->config_;
  std::int64_t count = spectra.size(0);
  std::int64_t end = frames_ + count;
  auto known = static_cast<std::int64_t>(f0.size());
  // frame k reaches two hops past its centre; the first one mirrors two hops at the beginning
  extend_pulses(last ? known : std::min(std::max<std::int64_t>(end + 1, 3), known), f0);

  Tensor bins = synthesis_->stretched(spectra, style_.stretch);  // [frames, 5, bins]
  auto magnitude = [&](int index) {
    return at::exp(bins.select(1, index).clamp_max(config.largest_log_magnitude));
  };
  // the lower the pitch, the more harmonics share the same spectrum
  float gain = std::sqrt(style_.f0);
  Tensor harmonics = at::polar(magnitude(0) * gain, at::tanh(bins.select(1, 1)) * std::numbers::pi_v<float>);
  Tensor sum = harmonics.mul_(at::fft_rfft(pulse_frames(frames_, count, last) * synthesis_->pulse_window_));
  sum.addcmul_(synthesis_->noise(seed_, frames_, count), magnitude(2));
  sum.add_(at::polar(magnitude(3), bins.select(1, 4).contiguous()));
  Tensor waves =
      (at::fft_irfft(sum, config.n_fft) * synthesis_->window_).to(at::kCPU).contiguous();  // [frames, n_fft]

  auto hop = static_cast<std::size_t>(config.hop);
  auto n_fft = static_cast<std::size_t>(config.n_fft);
  std::size_t added = static_cast<std::size_t>(count) * hop;
  sum_.resize(sum_.size() + added, 0.0F);
  weight_.resize(weight_.size() + added, 0.0F);
  const float* wave = waves.data_ptr<float>();
  for (std::size_t frame = 0; frame < static_cast<std::size_t>(count); ++frame) {
    float* into = sum_.data() + frame * hop;
    float* weight = weight_.data() + frame * hop;
    for (std::size_t i = 0; i < n_fft; ++i) {
      into[i] += wave[frame * n_fft + i];
      weight[i] += synthesis_->window_squared_[i];
    }
  }

  // sum_ starts two hops before the centre of frame frames_; what lies before sample 0 is dropped
  std::int64_t begin_sample = frames_ * config.hop - config.n_fft / 2;
  frames_ = end;
  std::size_t ready = last ? static_cast<std::size_t>(end * config.hop - begin_sample) : added;
  std::vector<float> samples;
  samples.reserve(ready);
  for (std::size_t i = 0; i < ready; ++i)
    if (begin_sample + static_cast<std::int64_t>(i) >= 0)
      samples.push_back(sum_[i] / std::max(weight_[i], 1e-11F));
  sum_.erase(sum_.begin(), sum_.begin() + static_cast<std::ptrdiff_t>(ready));
  weight_.erase(weight_.begin(), weight_.begin() + static_cast<std::ptrdiff_t>(ready));
  return samples;
}

// Intonation is spread or flattened around the voice's middle, then moved.
float SentenceWave::styled(float f0_hz) const {
  if (f0_hz < synthesis_->config_.voiced_hz) return f0_hz * style_.f0;
  float centre = synthesis_->f0_center_hz_;
  return centre * std::pow(f0_hz / centre, style_.range) * style_.f0;
}

// Every harmonic below the highest at unit amplitude: sum over h <= H of cos(h t) = sin((H + 1/2) t) / (2
// sin(t / 2)) - 1/2. F0 is interpolated linearly between the middles of frames; where it is too low there are
// no pulses.
void SentenceWave::extend_pulses(std::int64_t frames, std::span<const float> f0) {
  if (frames <= pulse_frames_) return;
  const SynthesisConfig& config = synthesis_->config_;
  std::int64_t hop = config.hop;
  std::int64_t samples = (frames - pulse_frames_) * hop;
  float threshold = config.voiced_hz * style_.f0;  // so that what is voiced does not depend on the style
  auto last = static_cast<std::int64_t>(f0.size()) - 1;
  auto at_frame = [&](std::int64_t k) {
    return styled(f0[static_cast<std::size_t>(std::clamp<std::int64_t>(k, 0, last))]);
  };

  Tensor angles = at::empty({2, samples}, at::kFloat);              // t / 2 and (H + 1/2) t
  std::vector<float> harmonics(static_cast<std::size_t>(samples));  // H + 1/2; 0 where unvoiced
  float* half = angles.data_ptr<float>();
  float* high = half + samples;
  for (std::int64_t k = pulse_frames_, i = 0; k < frames; ++k) {
    float before = at_frame(k - 1);
    float here = at_frame(k);
    float after = at_frame(k + 1);
    for (std::int64_t j = 0; j < hop; ++j, ++i) {
      float place = (static_cast<float>(j) + 0.5F) / static_cast<float>(hop);  // in the frame
      float hz = j < hop / 2 ? before * (0.5F - place) + here * (0.5F + place)
                             : here * (1.5F - place) + after * (place - 0.5F);
      bool voiced = hz > threshold;
      hz = std::max(hz, threshold);
      phase_ += static_cast<double>(hz) / config.sample_rate;
      phase_ -= std::floor(phase_);
      auto t = static_cast<float>(phase_ * 2 * std::numbers::pi);
      float count = std::floor(config.highest_harmonic_hz / hz) + 0.5F;
      half[i] = t * 0.5F;
      high[i] = t * count;
      harmonics[static_cast<std::size_t>(i)] = voiced ? count : 0.0F;
    }
  }
  angles.sin_();
  pulses_.reserve(pulses_.size() + static_cast<std::size_t>(samples));
  for (std::int64_t i = 0; i < samples; ++i) {
    float count = harmonics[static_cast<std::size_t>(i)];
    float divisor = 2 * half[i];
    float sum = std::abs(divisor) <= 2e-3F ? count : high[i] / divisor;  // its limit at the pulse
    pulses_.push_back(count == 0 ? 0.0F : sum - 0.5F);
  }
  pulse_frames_ = frames;

  // Frames from frames_ on look back two hops; at the beginning they mirror what follows.
  std::int64_t needed = std::max<std::int64_t>(0, frames_ * hop - config.n_fft / 2);
  if (needed > pulses_begin_) {
    pulses_.erase(pulses_.begin(), pulses_.begin() + static_cast<std::ptrdiff_t>(needed - pulses_begin_));
    pulses_begin_ = needed;
  }
}

// [count, n_fft]: the pulses around each frame's centre, mirrored at the sentence's ends.
Tensor SentenceWave::pulse_frames(std::int64_t begin, std::int64_t count, bool last) const {
  const SynthesisConfig& config = synthesis_->config_;
  std::int64_t first = begin * config.hop - config.n_fft / 2;
  std::int64_t length = (count - 1) * config.hop + config.n_fft;
  std::int64_t end = pulse_frames_ * config.hop;
  Tensor stretch = at::zeros({length}, at::kFloat);
  float* out = stretch.data_ptr<float>();
  for (std::int64_t i = 0; i < length; ++i) {
    std::int64_t sample = first + i;
    if (sample < 0) sample = -sample;
    if (sample >= end && last) sample = 2 * (end - 1) - sample;
    std::int64_t index = sample - pulses_begin_;
    if (index >= 0 && index < static_cast<std::int64_t>(pulses_.size()))
      out[i] = pulses_[static_cast<std::size_t>(index)];
  }
  return stretch.unfold(0, config.n_fft, config.hop).to(synthesis_->device_);
}

}  // namespace parley::voice
