// The layers that Whisper's encoder and decoder are made of.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "engine/weights/weights.hpp"

namespace parley::whisper {

struct Linear {
  Linear(const weights::Weights& weights, int in, int out, at::Device device, bool has_bias = true);
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined
};

struct LayerNorm {
  LayerNorm(const weights::Weights& weights, int width, at::Device device);
  at::Tensor operator()(const at::Tensor& x) const { return at::layer_norm(x, weight.sizes(), weight, bias); }

  at::Tensor weight;  // [width]
  at::Tensor bias;    // [width]
};

// A convolution over time with three taps. Frames lie one after the other in memory, so three neighbouring
// frames are one row of a matrix product.
struct TimeConv {
  TimeConv(const weights::Weights& weights, int in, int out, int stride, at::Device device);
  // x: [batch, time, in] -> [batch, time / stride, out]; a frame of zeros on both sides.
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight;  // [out, 3 in], taps before channels
  at::Tensor bias;    // [out]
  int stride;
};

struct Attention {
  Attention(const weights::Weights& weights, int width, int heads, at::Device device);

  // [batch, time, width] -> [batch, heads, time, head]
  at::Tensor split(const at::Tensor& x) const { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }
  // [batch, heads, time, head] -> [batch, time, width]
  static at::Tensor join(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

  Linear q_proj, k_proj, v_proj, out_proj;  // k_proj has no bias
  int heads;
};

}  // namespace parley::whisper
