// The parts of Whisper's layers as the CPU kernels want them.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "engine/kernels/matrix.hpp"
#include "engine/kernels/team.hpp"
#include "engine/layers/cpu/layer_norm.hpp"
#include "engine/weights/weights.hpp"

namespace parley::whisper {

using layers::CpuLayerNorm;

// One or more linear layers that read the same input, packed into one matrix of 8-bit groups.
struct CpuLinear {
  CpuLinear() = default;
  // names: of the layers below `weights`, one after the other in the output; a layer may lack its bias.
  CpuLinear(kernels::Team& team, const weights::Weights& weights, std::initializer_list<const char*> names,
            int in, int out);
  // Of weights at hand [out, in]; in float32 where groups of 32 do not fit.
  CpuLinear(kernels::Team& team, const std::vector<float>& weight, std::vector<float> bias, int in, int out);

  kernels::Matrix matrix;
  std::vector<float> bias;  // filled up with zeros to whole panels
};

}  // namespace parley::whisper
