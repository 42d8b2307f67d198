// Which bundle an offline command opens, and where and in what it computes.
#pragma once

#include <memory>
#include <string>

#include "engine/cuda/device.hpp"
#include "engine/weights/bundle.hpp"
#include "server/commands/command.hpp"

namespace parley::commands {

struct ModelChoice {
  std::string bundle;
  std::string device = "cpu";
  std::string dtype;
  int threads = 0;
};

// The bundle, --device, --threads, and --dtype with one of `dtypes`.
void add_model_choice(CLI::App& command, ModelChoice& choice, const std::vector<std::string>& dtypes);

// A Step-Audio 2 bundle. Throws std::runtime_error with a sentence for any other.
weights::Bundle open_step_audio_2(const ModelChoice& choice);

// The device, ready to be used on this thread; null: the processor. It must outlive what lies on it.
std::unique_ptr<cuda::Device> open_device(const ModelChoice& choice);

}  // namespace parley::commands
