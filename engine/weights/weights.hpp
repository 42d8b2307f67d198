// Hands a model its tensors by the checkpoint's names and keeps account of them.
//
// A model is built top down, each layer taking its weights from a scope:
//
//   Weights weights = Weights::open(bundle.part("brain"));
//   Decoder decoder(config, weights.scope("model"));     // asks scope("layers.0").get("weight", {576, 576})
//   ... weights.finish();                                    // all that is wrong, in one sentence
//
// A name that is missing or has another shape does not throw where it is asked for: the layer gets zeros of
// the shape it wanted and building goes on, so that finish() can list everything at once. Scopes share one
// account. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/safetensors.hpp"

namespace parley::weights {

inline constexpr std::int64_t any_size = -1;  // in an expected shape: whatever the file has

class Weights {
 public:
  static Weights open(const std::filesystem::path& path) { return Weights(Safetensors(path)); }
  explicit Weights(Safetensors file);

  Weights scope(std::string_view name) const;  // its names begin with "<this scope's prefix><name>."
  const std::string& prefix() const { return prefix_; }

  bool has(std::string_view name) const;
  // The tensor of that name. Its dtype is the file's, except for zeros in place of a missing one (f32).
  TensorView get(std::string_view name, const std::vector<std::int64_t>& shape) const;

  // Names under `name` that the model knows of and does not need (a buffer that it computes itself).
  void ignore(std::string_view name) const;
  // The same of every name in that scope: a checkpoint's other parts, which another model reads.
  void ignore_scope(std::string_view name) const;

  // Throws std::runtime_error listing the missing, misshaped and spare names of the whole file.
  void finish() const;

 private:
  struct Account;
  Weights(std::shared_ptr<Account> account, std::string prefix);

  std::shared_ptr<Account> account_;
  std::string prefix_;
};

}  // namespace parley::weights
