// The body of CAM++ (Wang et al. 2023): densely connected layers, each of which adds a few channels that
// depend on all before, weighed by what the surrounding second and the whole recording sound like.
#pragma once

#include <vector>

#include "engine/models/step_audio_2/speaker/channel_layers.hpp"

namespace parley::step_audio_2 {

// Context-aware masking. Time is cut into segments of 100 frames; the last may be shorter.
struct CamLayer {
  CamLayer(const weights::Weights& weights, std::int64_t in, int dilation,
           const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;  // [in, time] -> [out, time]

  at::Tensor linear_local;  // [out, in, taps], a convolution over time
  PointConv linear1;
  PointConv linear2;
  int dilation;
};

struct CamDenseLayer {
  CamDenseLayer(const weights::Weights& weights, std::int64_t in, int dilation,
                const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const { return cam_layer(linear1(nonlinear1(x)).relu_()); }

  Nonlinear nonlinear1;
  PointConv linear1;  // the norm of nonlinear2 is folded in
  CamLayer cam_layer;
};

struct CamDenseBlock {
  CamDenseBlock(const weights::Weights& weights, std::int64_t in, int dilation,
                const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;  // [in, time] -> [out(), time]; its first channels are x
  std::int64_t out() const { return out_; }

  std::vector<CamDenseLayer> tdnnd;  // the checkpoint counts from 1

 private:
  std::int64_t out_;
};

}  // namespace parley::step_audio_2
