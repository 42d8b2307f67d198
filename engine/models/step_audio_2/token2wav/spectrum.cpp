#include "engine/models/step_audio_2/token2wav/spectrum.hpp"

#include <numbers>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int overlap = 4;  // frames over each sample

}  // namespace

Spectrum::Spectrum(int n_fft, at::Device device) : n_fft_(n_fft), hop_(n_fft / overlap) {
  const auto exact = at::TensorOptions(at::kDouble);
  const int bins = n_fft / 2 + 1;
  const Tensor samples = at::arange(n_fft, exact), turn = samples * (2 * std::numbers::pi / n_fft);
  const Tensor window = 0.5 - 0.5 * turn.cos();
  const Tensor angles = turn.unsqueeze(1) * at::arange(bins, exact);  // [n_fft, bins]
  const Tensor forward = at::cat({angles.cos(), -angles.sin()}, 1) * window.unsqueeze(1);
  // all bins but the first and the last stand for two
  Tensor share = at::full({bins}, 2.0 / n_fft, exact);
  share[0].fill_(1.0 / n_fft);
  share[-1].fill_(1.0 / n_fft);
  const Tensor backward = at::cat({angles.cos() * share, -angles.sin() * share}, 1).t() * window.unsqueeze(0);
  const auto placed = at::TensorOptions(device).dtype(at::kFloat);
  forward_ = forward.to(placed);
  backward_ = backward.contiguous().to(placed);
  power_ = window.square().to(placed);
}

Tensor Spectrum::analyse(const Tensor& samples) const {
  const Tensor padded = at::reflection_pad1d(samples.unsqueeze(0), {n_fft_ / 2, n_fft_ / 2}).squeeze(0);
  return at::matmul(padded.unfold(0, n_fft_, hop_), forward_);
}

Tensor Spectrum::overlap_add(const Tensor& frames) const {
  const std::int64_t count = frames.size(0);
  Tensor sum = at::zeros({count + overlap - 1, hop_}, frames.options());
  for (int part = 0; part < overlap; ++part)
    sum.narrow(0, part, count).add_(frames.narrow(1, static_cast<std::int64_t>(part) * hop_, hop_));
  return sum.flatten();
}

Tensor Spectrum::synthesise(const Tensor& magnitudes, const Tensor& phases) const {
  const Tensor spectra = at::cat({magnitudes * phases.cos(), magnitudes * phases.sin()}, 1);
  const Tensor sum = overlap_add(at::matmul(spectra, backward_));
  const Tensor windows = overlap_add(power_.unsqueeze(0).expand({magnitudes.size(0), n_fft_}));
  const std::int64_t length = hop_ * (magnitudes.size(0) - 1);
  return sum.narrow(0, n_fft_ / 2, length) / windows.narrow(0, n_fft_ / 2, length);
}

}  // namespace parley::step_audio_2
