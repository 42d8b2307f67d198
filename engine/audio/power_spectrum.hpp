// |X|^2 of real frames of one size.
#pragma once

#include <cstddef>
#include <span>

struct kiss_fftr_state;

namespace parley::audio {

// Not thread-safe: the transform has a scratch area of its own.
class PowerSpectrum {
 public:
  explicit PowerSpectrum(std::size_t size);  // even, and best a product of 2, 3 and 5
  ~PowerSpectrum();
  PowerSpectrum(const PowerSpectrum&) = delete;
  PowerSpectrum& operator=(const PowerSpectrum&) = delete;

  std::size_t size() const { return size_; }
  std::size_t bins() const { return size_ / 2 + 1; }  // from 0 Hz to half the sample rate

  // frame [size()], windowed already; power [bins()]
  void operator()(std::span<const float> frame, std::span<float> power);

 private:
  std::size_t size_;
  kiss_fftr_state* fft_;
};

}  // namespace parley::audio
