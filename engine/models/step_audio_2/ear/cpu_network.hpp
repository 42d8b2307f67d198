// Encoder and adaptor on the CPU kernels, in float32 whatever the weights are stored in.
#pragma once

#include <memory>

#include "engine/models/step_audio_2/ear/network.hpp"

namespace parley::step_audio_2 {

// threads: of the kernels, the caller's included; 0: as many as there are cores.
std::unique_ptr<EarNetwork> load_cpu_network(const EarConfig& config, const weights::Weights& weights,
                                             int threads);

}  // namespace parley::step_audio_2
