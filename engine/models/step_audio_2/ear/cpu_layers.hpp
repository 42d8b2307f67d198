// The parts of encoder and adaptor as the CPU kernels want them.
#pragma once

#include <initializer_list>
#include <vector>

#include "engine/kernels/matrix.hpp"
#include "engine/kernels/strips.hpp"
#include "engine/kernels/team.hpp"
#include "engine/layers/cpu/layer_norm.hpp"
#include "engine/weights/weights.hpp"

namespace parley::step_audio_2 {

using layers::CpuLayerNorm;

// One or more linear layers that read the same input, packed into one matrix in the type they are stored in.
struct CpuLinear {
  // names: of the layers below `weights`, one after the other in the output; those without a bias get zeros.
  CpuLinear(kernels::Team& team, const weights::Weights& weights, std::initializer_list<const char*> names,
            int in, int out);
  // y [rows, outputs] = x W^T + bias, or added to y
  void operator()(kernels::Team& team, const kernels::Strips& x, float* y,
                  kernels::Then then = kernels::Then::store) const {
    kernels::multiply(team, matrix, x, {y, bias.data(), then});
  }

  kernels::Matrix matrix;
  std::vector<float> bias;  // filled up with zeros to whole panels
};

// A convolution over time as a product with rows of neighbouring frames, taps before channels.
struct CpuTimeConv {
  CpuTimeConv(kernels::Team& team, const weights::Weights& weights, int in, int out, int taps, int stride);
  int inputs() const { return taps * in; }
  // Writes row `place` of the product's input [taps, in]: the frames around stride * place, one before it;
  // beyond x [frames, in] zeros.
  void gather(const float* x, int frames, int place, float* row) const;

  int in, taps, stride;
  kernels::Matrix matrix;
  std::vector<float> bias;
};

}  // namespace parley::step_audio_2
