// A convolution over time whose input and output lie frame after frame, with the weights packed once where
// oneDNN computes it (packed_linear.hpp).
#pragma once

#include <ATen/ATen.h>

#include "engine/layers/placement.hpp"

namespace parley::step_audio_2 {

class PackedConv {
 public:
  PackedConv() = default;
  // Weight [out, in, taps] and bias [out] of the layer, whatever its sizes are. The output is as long as the
  // input: zeros are put around it, as many before as after.
  PackedConv(const weights::Weights& weights, int dilation, const layers::Placement& placement);

  // [time, in] -> [time, out]
  at::Tensor operator()(const at::Tensor& x) const;

  int in() const { return in_; }
  int out() const { return out_; }

 private:
  at::Tensor weight_;  // [out, in, 1, taps], channels last, or packed
  at::Tensor bias_;
  int in_ = 0;
  int out_ = 0;
  int padding_ = 0;
  int dilation_ = 1;
};

}  // namespace parley::step_audio_2
