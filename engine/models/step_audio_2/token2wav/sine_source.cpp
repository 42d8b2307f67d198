#include "engine/models/step_audio_2/token2wav/sine_source.hpp"

#include <numbers>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr double source_rate_hz = 24000;
constexpr double sine_amplitude = 0.1;
constexpr double voiced_noise = 0.003;
constexpr double unvoiced_noise = sine_amplitude / 3;
constexpr double voiced_hz = 10;

int harmonics_of(const weights::Weights& weights) {
  return static_cast<int>(weights.get("l_linear.weight", {1, weights::any_size}).shape[1]);
}

}  // namespace

SineSource::SineSource(const weights::Weights& weights, int samples_, const layers::Placement& placement)
    : harmonics(harmonics_of(weights)),
      samples(samples_),
      l_linear(weights.scope("l_linear"), harmonics, 1, placement),
      multiples(at::arange(1, harmonics + 1, l_linear.weight.options())) {}

Tensor SineSource::as_reference(const Tensor& f0, const Tensor& noise) const {
  // turns per sample of each frame and harmonic; the phase at the middle of a frame is what all samples up to
  // there have turned
  const Tensor turning =
      at::remainder(f0.unsqueeze(1) * multiples / source_rate_hz, 1);  // [frames, harmonics]
  const Tensor phase = turning.cumsum(0) * 2 * std::numbers::pi * samples;
  const std::int64_t length = samples * f0.size(0);
  const Tensor at_samples =
      at::upsample_linear1d(phase.t().unsqueeze(0).contiguous(), at::IntArrayRef(length),
                            /*align_corners=*/false, static_cast<double>(samples));
  return mix(at_samples.squeeze(0).t().sin() * sine_amplitude, f0, noise);
}

Tensor SineSource::continue_from(Tensor& turns, const Tensor& f0, const Tensor& noise) const {
  // As in the reference the pitch changes in the middle of a frame: between the middles of two frames it is
  // that of the later one. After the last middle it stays, since the next frame is not known.
  const auto exact = f0.options().dtype(at::kDouble);
  const Tensor turning = at::remainder(f0.to(at::kDouble) / source_rate_hz, 1);  // per sample
  const Tensor next = at::cat({turning.slice(0, 1), turning.slice(0, -1)});
  const int half = samples / 2;
  const Tensor halves = at::stack({turning, next}, 1).flatten();  // [2 frames]
  const Tensor ends = turns + at::cumsum(halves * half, 0);       // turns after each half
  const Tensor begins = ends - halves * half;
  const Tensor within = at::arange(half, exact) + 0.5;
  const Tensor at_samples = (begins.unsqueeze(1) + halves.unsqueeze(1) * within).flatten();
  const Tensor angles = at::remainder(at_samples.unsqueeze(1) * multiples.to(at::kDouble), 1);
  turns = at::remainder(ends[-1], 1);
  return mix((angles.to(at::kFloat) * (2 * std::numbers::pi)).sin() * sine_amplitude, f0, noise);
}

Tensor SineSource::mix(const Tensor& sines, const Tensor& f0, const Tensor& noise) const {
  const Tensor voiced = (f0 > voiced_hz).to(at::kFloat).repeat_interleave(samples).unsqueeze(1);
  const Tensor loudness = voiced * voiced_noise + (1 - voiced) * unvoiced_noise;
  return l_linear(sines * voiced + loudness * noise).squeeze(1).tanh();
}

}  // namespace parley::step_audio_2
