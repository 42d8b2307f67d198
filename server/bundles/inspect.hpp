// What a bundle is made of: its parts, their files, and the tensors in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace parley::bundles {

struct Tensor {
  std::string name;
  std::string dtype;                // as safetensors spells it: "F32", "BF16"
  std::vector<std::int64_t> shape;  // as stored; two 4-bit weights share a byte
  std::uintmax_t bytes = 0;
};

struct DtypeTotal {
  int tensors = 0;
  std::uintmax_t bytes = 0;
};

// Weights that belong together: one .safetensors file, or the shards of one index.
struct TensorFile {
  std::filesystem::path file;
  std::vector<Tensor> tensors;               // by name
  std::map<std::string, DtypeTotal> dtypes;  // by dtype
  // Weights of the network, however stored: two for each byte of a 4-bit matrix (unsigned bytes with a
  // `.scale` beside them), none for the scales and minima of quantized ones.
  std::uintmax_t parameters = 0;
  std::uintmax_t bytes = 0;
};

struct Part {
  std::string name;
  std::filesystem::path folder;
  std::vector<TensorFile> tensor_files;
  std::vector<std::filesystem::path> other_files;  // configurations, tokenizers; JSON among them was read
  std::vector<std::string> errors;                 // what is wrong with its files, a sentence each
};

struct Inspection {
  std::filesystem::path folder;
  std::string id, type;
  std::vector<Part> parts;

  bool sound() const;  // no part has errors
};

// Reads bundle.json and every file of every part: headers of weights against file lengths, JSON as JSON. What
// is wrong inside a part is told there; a bundle.json that cannot be used throws std::runtime_error with a
// sentence.
Inspection inspect(const std::filesystem::path& folder);

}  // namespace parley::bundles
