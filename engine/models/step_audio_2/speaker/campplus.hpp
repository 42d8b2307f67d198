// Tells voices apart: CAM++ of 3D-Speaker (https://github.com/modelscope/3D-Speaker; Wang et al. 2023).
//
//   fbank -> head -> tdnn (halves time) -> three dense blocks, each followed by a transit that halves the
//   channels
//     -> mean and deviation over time -> one vector
#pragma once

#include "engine/models/step_audio_2/speaker/cam_dense_block.hpp"
#include "engine/models/step_audio_2/speaker/campplus_head.hpp"

namespace parley::step_audio_2 {

struct Campplus {
  // fbanks of fewer frames have no deviation over time
  static constexpr std::int64_t fewest_frames = 3;

  // bins: of the fbank
  Campplus(const weights::Weights& weights, std::int64_t bins, const layers::Placement& placement);
  // features: [frames, bins], the mean over time taken off. Gives [dimensions]. Throws std::invalid_argument
  // when there are too few frames.
  at::Tensor operator()(const at::Tensor& features) const;

  struct Tdnn {  // a convolution of five taps over time
    Tdnn(const weights::Weights& weights, std::int64_t in, const layers::Placement& placement);
    at::Tensor operator()(const at::Tensor& x) const;  // [in, time] -> [out, time / 2 rounded up]

    at::Tensor weight;  // [out, in, taps]
    at::Tensor bias;    // [out]
  };
  struct Transit {
    Transit(const weights::Weights& weights, std::int64_t in, bool has_bias,
            const layers::Placement& placement);
    at::Tensor operator()(const at::Tensor& x) const { return linear(nonlinear(x)); }

    Nonlinear nonlinear;
    PointConv linear;
  };

  CampplusHead head;
  Tdnn tdnn;
  CamDenseBlock block1;
  Transit transit1;
  CamDenseBlock block2;
  Transit transit2;
  CamDenseBlock block3;
  Transit transit3;  // the norm of out_nonlinear is folded in
  PointConv dense;   // and here the last one
};

}  // namespace parley::step_audio_2
