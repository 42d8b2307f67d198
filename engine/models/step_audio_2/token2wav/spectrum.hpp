// The short Fourier transform on both ends of the vocoder: 16 samples with a periodic Hann window, 4 apart,
// centred. So short that both directions are matrix products.
#pragma once

#include <ATen/ATen.h>

namespace parley::step_audio_2 {

class Spectrum {
 public:
  Spectrum(int n_fft, at::Device device);

  int hop() const { return hop_; }

  // [samples] -> real parts, then imaginary parts: [samples / hop + 1, 2 bins]
  at::Tensor analyse(const at::Tensor& samples) const;
  // The signal with these spectra: magnitudes and phases [frames, bins] -> [hop * (frames - 1)]
  at::Tensor synthesise(const at::Tensor& magnitudes, const at::Tensor& phases) const;

 private:
  at::Tensor overlap_add(const at::Tensor& frames) const;  // [frames, n_fft] -> [hop * frames + n_fft - hop]

  int n_fft_;
  int hop_;
  at::Tensor forward_;   // [n_fft, 2 bins], with the window
  at::Tensor backward_;  // [2 bins, n_fft], with the window
  at::Tensor power_;     // [n_fft]: the window's square
};

}  // namespace parley::step_audio_2
