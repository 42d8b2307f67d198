// Whisper in plain ATen operations and float32, on any device.
#pragma once

#include <memory>
#include <string>

#include "engine/models/whisper/network.hpp"
#include "engine/weights/weights.hpp"

namespace parley::whisper {

// Throws std::runtime_error with a sentence when a tensor is missing, spare or of another shape.
std::unique_ptr<Network> load_aten_network(const Config& config, const weights::Weights& weights,
                                           const std::string& device);

}  // namespace parley::whisper
