// The vocoder's excitation (Wang et al. 2019, "Neural source-filter waveform models"): a sine at the pitch
// and at its harmonics where there is voice, noise where there is none, mixed into one signal.
//
// The reference starts the sines anew in every call, in float32, and lets the phase stand still in the first
// and the last half frame. continue_from() goes on at the phase where the last call ended, in float64, so
// that what two chunks are made of is one sine.
#pragma once

#include <ATen/ATen.h>

#include "engine/layers/linear.hpp"

namespace parley::step_audio_2 {

struct SineSource {
  // weights: of m_source. samples: of a frame of f0.
  SineSource(const weights::Weights& weights, int samples, const layers::Placement& placement);

  // f0: [frames] in Hz; noise: [samples * frames, harmonics], normal -> [samples * frames]
  at::Tensor as_reference(const at::Tensor& f0, const at::Tensor& noise) const;

  // turns: of the fundamental before the first sample, a float64 scalar; then after the last one.
  at::Tensor continue_from(at::Tensor& turns, const at::Tensor& f0, const at::Tensor& noise) const;

  at::Tensor mix(const at::Tensor& sines, const at::Tensor& f0, const at::Tensor& noise) const;

  int harmonics;  // the fundamental counted
  int samples;
  layers::Linear l_linear;
  at::Tensor multiples;  // [harmonics]: 1, 2, ...
};

}  // namespace parley::step_audio_2
