#include "engine/audio/power_spectrum.hpp"

#include <kiss_fftr.h>

#include <cassert>
#include <new>
#include <vector>

namespace parley::audio {

PowerSpectrum::PowerSpectrum(std::size_t size)
    : size_(size), fft_(kiss_fftr_alloc(static_cast<int>(size), 0, nullptr, nullptr)) {
  if (fft_ == nullptr) throw std::bad_alloc();
}

PowerSpectrum::~PowerSpectrum() { kiss_fftr_free(fft_); }

void PowerSpectrum::operator()(std::span<const float> frame, std::span<float> power) {
  assert(frame.size() == size() && power.size() == bins());
  std::vector<kiss_fft_cpx> spectrum(bins());
  kiss_fftr(fft_, frame.data(), spectrum.data());
  for (std::size_t bin = 0; bin < power.size(); ++bin)
    power[bin] = spectrum[bin].r * spectrum[bin].r + spectrum[bin].i * spectrum[bin].i;
}

}  // namespace parley::audio
