// The front of CAM++: residual 2-d convolutions over frequency and time that halve the frequencies three
// times.
#pragma once

#include <optional>
#include <vector>

#include "engine/layers/placement.hpp"

namespace parley::step_audio_2 {

struct PlaneConv {
  // As many outputs as the weight has; `taps` both ways. stride: over frequency.
  PlaneConv(const weights::Weights& weights, std::int64_t in, int taps, int stride,
            const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;  // [1, channels, frequencies, time]
  std::int64_t out() const { return weight.size(0); }

  at::Tensor weight;  // [out, in, taps, taps]
  at::Tensor bias;    // [out]
  int stride;
};

struct ResidualBlock {
  ResidualBlock(const weights::Weights& weights, std::int64_t in, int stride,
                const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  PlaneConv conv1;
  PlaneConv conv2;
  std::optional<PlaneConv> shortcut;  // where the shape changes
};

struct CampplusHead {
  CampplusHead(const weights::Weights& weights, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& features) const;  // [time, bins] -> [channels * bins / 8, time]

  PlaneConv conv1;
  std::vector<ResidualBlock> layer1;
  std::vector<ResidualBlock> layer2;
  PlaneConv conv2;
};

}  // namespace parley::step_audio_2
