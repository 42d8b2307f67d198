// Whisper on the CPU kernels: 8-bit weights, no OpenMP, parallel regions on a team of threads.
#pragma once

#include <memory>

#include "engine/models/whisper/network.hpp"
#include "engine/weights/weights.hpp"

namespace parley::whisper {

// Whether the kernels can take a network of these sizes: every official one, and others in multiples of 32
// with heads in multiples of 16.
bool cpu_network_supports(const Config& config);

// threads: the caller's included; 0: as many as there are cores. Throws std::runtime_error with a sentence
// when a tensor is missing, spare or of another shape.
std::unique_ptr<Network> load_cpu_network(const Config& config, const weights::Weights& weights, int threads);

}  // namespace parley::whisper
