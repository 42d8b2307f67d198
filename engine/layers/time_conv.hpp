// A convolution over time. Frames lie one after the other in memory, so the frames under one tap after the
// other are one row of a matrix product.
#pragma once

#include "engine/layers/placement.hpp"

namespace parley::layers {

struct TimeConv {
  // The checkpoint's weight is [out, in, taps].
  TimeConv(const weights::Weights& weights, int in, int out, int taps, int stride,
           const Placement& placement);
  // x: [batch, time, in], padded by the caller -> [batch, (time - taps) / stride + 1, out]
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight;  // [out, taps * in], taps before channels
  at::Tensor bias;    // [out]
  int taps;
  int stride;
};

// So many frames of zeros before and after. x: [batch, time, channels]
at::Tensor pad_time(const at::Tensor& x, int before, int after);

}  // namespace parley::layers
