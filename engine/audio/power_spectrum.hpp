// |X|^2 of real frames of one size, in double precision.
//
// The quiet bins of a voiced sound lie 100 dB below its harmonics, and a logarithm comes next. A transform in
// single precision (kissfft's) moves them by up to 0.02 there, a thousand times what other implementations
// differ by, and speech tokens with them.
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace parley::audio {

// Not thread-safe: it has a scratch area.
class PowerSpectrum {
 public:
  // Throws std::invalid_argument unless the size is even. Best a product of 2, 3 and 5.
  explicit PowerSpectrum(std::size_t size);

  std::size_t size() const { return size_; }
  std::size_t bins() const { return size_ / 2 + 1; }  // from 0 Hz to half the sample rate

  // frame [size()], windowed already; power [bins()]
  void operator()(std::span<const float> frame, std::span<float> power);

 private:
  using Complex = std::complex<double>;

  Complex turn(std::size_t steps, std::size_t of) const {  // exp(-2 pi i steps / of)
    return turns_[steps * (size_ / of) % size_];
  }
  void transform(const Complex* in, std::size_t stride, std::size_t count, Complex* out);

  std::size_t size_;
  std::vector<Complex> turns_;  // [size]
  std::vector<Complex>
      packed_;  // [size / 2]: a real frame's even samples, and its odd ones as imaginary parts
  std::vector<Complex> spectrum_;  // [size / 2], of packed_
  std::vector<Complex> terms_;     // of one sum
};

}  // namespace parley::audio
