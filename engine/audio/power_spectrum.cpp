#include "engine/audio/power_spectrum.hpp"

#include <cassert>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace parley::audio {
namespace {

// The first factor of `count` that a transform is split by; a prime above 5 is not split at all.
std::size_t radix_of(std::size_t count) {
  for (const int radix : {4, 2, 3, 5})
    if (count % static_cast<std::size_t>(radix) == 0) return static_cast<std::size_t>(radix);
  return count;
}

// As numbers are finite, without what the standard's product does for those that are not.
std::complex<double> product(std::complex<double> a, std::complex<double> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

PowerSpectrum::PowerSpectrum(std::size_t size)
    : size_(size), turns_(size), packed_(size / 2), spectrum_(size / 2), terms_(size / 2) {
  if (size == 0 || size % 2 != 0)
    throw std::invalid_argument("a spectrum needs frames of an even size, not " + std::to_string(size));
  for (std::size_t n = 0; n < size; ++n)
    turns_[n] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(size));
}

// Cooley and Tukey 1965, decimation in time: out[k] = sum of in[n * stride] turn(n k, count).
void PowerSpectrum::transform(const Complex* in, std::size_t stride, std::size_t count, Complex* out) {
  if (count == 1) {
    out[0] = in[0];
    return;
  }
  const std::size_t radix = radix_of(count), part = count / radix;
  for (std::size_t q = 0; q < radix; ++q) transform(in + q * stride, stride * radix, part, out + q * part);
  for (std::size_t k = 0; k < part; ++k) {
    for (std::size_t q = 0; q < radix; ++q) terms_[q] = product(out[q * part + k], turn(q * k, count));
    for (std::size_t r = 0; r < radix; ++r) {
      Complex sum = terms_[0];
      for (std::size_t q = 1; q < radix; ++q) sum += product(terms_[q], turn(q * r, radix));
      out[r * part + k] = sum;
    }
  }
}

void PowerSpectrum::operator()(std::span<const float> frame, std::span<float> power) {
  assert(frame.size() == size() && power.size() == bins());
  const std::size_t half = packed_.size();
  for (std::size_t n = 0; n < half; ++n) packed_[n] = {frame[2 * n], frame[2 * n + 1]};
  transform(packed_.data(), 1, half, spectrum_.data());
  for (std::size_t bin = 0; bin <= half; ++bin) {
    const Complex here = spectrum_[bin % half], mirrored = std::conj(spectrum_[(half - bin) % half]);
    const Complex even = (here + mirrored) * 0.5, odd = product(here - mirrored, Complex(0, -0.5));
    power[bin] = static_cast<float>(std::norm(even + product(odd, turns_[bin])));
  }
}

}  // namespace parley::audio
