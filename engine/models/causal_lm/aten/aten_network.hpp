// The decoder in plain tensor operations, on the CPU and on CUDA alike; matrices in groups are made floats
// again. It reads like the models' own code and is what the CPU's kernels are compared with.
//
// No ATen here: LanguageModel includes this header.
#pragma once

#include <memory>
#include <string>

#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/models/causal_lm/decoder/network.hpp"

namespace parley::causal_lm {

class AtenNetwork final : public Network {
 public:
  // `device`: "cpu" (float32) or "cuda", "cuda:1" (bfloat16). Throws std::runtime_error with a sentence when
  // there is no such device.
  AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, const std::string& device);
  ~AtenNetwork() override;

  std::unique_ptr<KvCache> new_cache() const override;
  std::size_t kv_bytes_per_token() const override;
  std::size_t weight_bytes() const override;
  void read(KvCache& cache, int past, std::span<const int> ids) override;
  void step(std::span<const StepRow> rows, std::span<float> logits) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::causal_lm
