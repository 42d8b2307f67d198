// From spectra to samples: a train of pulses at the pitch, filtered by the harmonic spectrum, plus shaped
// noise, plus a spectrum with phases of its own, joined by one inverse short-time Fourier transform (1200
// samples, a quarter apart).
//
//   S = exp(lh) e^{i pi tanh(theta)} STFT(pulses(f0)) + exp(ln) Z + exp(lr) e^{i phi}
//
// A sentence is rendered in any pieces and sounds the same: the pulses' phase is carried over, the noise is
// indexed by frame, and the overlap of the last frames is kept. Samples come two frames after the frames that
// begin them.
//
// Tested by synthesis_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "engine/models/starter/voice/config.hpp"

namespace parley::voice {

// How a voice sounds; what is not 1 departs from the trained one.
struct Style {
  float f0 = 1;
  float stretch = 1;
  float range = 1;
};

// Windows and noise; read-only, for all sentences of a voice.
class Synthesis {
 public:
  Synthesis(const SynthesisConfig& config, float f0_center_hz, at::Device device);

  const SynthesisConfig& config() const { return config_; }

 private:
  friend class SentenceWave;

  // Complex normal noise for frames [begin, begin + count): [count, bins]. The same frame of the same seed
  // always gets the same noise; it is taken from a stock of some 500 frames in an order that does not repeat.
  at::Tensor noise(std::uint64_t seed, std::int64_t begin, std::int64_t count) const;
  at::Tensor stretched(const at::Tensor& spectra, float stretch) const;

  SynthesisConfig config_;
  float f0_center_hz_;
  at::Device device_;
  at::Tensor window_;        // [n_fft] periodic Hann
  at::Tensor pulse_window_;  // the same, so that a harmonic of unit amplitude peaks at 1
  std::vector<float> window_squared_;
  at::Tensor noise_;  // [frames, bins] complex
};

// One sentence's sound so far.
class SentenceWave {
 public:
  // `synthesis` is not copied.
  SentenceWave(const Synthesis& synthesis, const Style& style, std::uint64_t seed);

  // The next spectra [frames, 5, bins] of the sentence, whose F0 in Hz is `f0` from its first frame on, with
  // two frames more than the spectra reach, and at least four, where there are so many. With `last`
  // everything left comes out.
  std::vector<float> render(const at::Tensor& spectra, std::span<const float> f0, bool last);

  int hop() const { return synthesis_->config_.hop; }

  // F0 of these first frames has been heard or is on its way: it must not change.
  std::int64_t fixed_frames() const { return pulse_frames_ == 0 ? 0 : pulse_frames_ + 1; }

 private:
  void extend_pulses(std::int64_t frames, std::span<const float> f0);
  at::Tensor pulse_frames(std::int64_t begin, std::int64_t count, bool last) const;
  float styled(float f0_hz) const;

  const Synthesis* synthesis_;
  Style style_;
  std::uint64_t seed_;
  std::int64_t frames_ = 0;        // whose spectra were given
  std::int64_t pulse_frames_ = 0;  // whose pulses were made
  double phase_ = 0;               // of the fundamental, in turns
  std::vector<float> pulses_;      // the latest ones, from sample pulses_begin_ on
  std::int64_t pulses_begin_ = 0;
  std::vector<float> sum_, weight_;  // overlap-add not yet given out, and its squared windows
};

}  // namespace parley::voice
