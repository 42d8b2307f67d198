// Writes safetensors files: what a model computed, for others to compare with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/safetensors.hpp"

namespace parley::weights {

struct TensorToWrite {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  // row-major, little endian
};

// Replaces `file` as a whole when everything is written. Throws std::runtime_error with a sentence that names
// the file where it cannot be written, and std::invalid_argument where bytes and shape do not agree.
void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, TensorToWrite>& tensors);

}  // namespace parley::weights
