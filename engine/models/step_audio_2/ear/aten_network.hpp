// Encoder and adaptor as plain ATen operations: for GPUs, for bfloat16, and as the reference of the CPU
// kernels.
#pragma once

#include <memory>
#include <string>

#include "engine/models/step_audio_2/ear/network.hpp"

namespace parley::step_audio_2 {

// device: "cpu", "cuda", "cuda:1". dtype: "float32", "bfloat16", or empty: as the weights are stored.
std::unique_ptr<EarNetwork> load_aten_network(const EarConfig& config, const weights::Weights& weights,
                                              const std::string& device, const std::string& dtype);

}  // namespace parley::step_audio_2
