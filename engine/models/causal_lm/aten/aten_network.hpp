// The decoder in plain tensor operations, on the CPU and on CUDA alike; matrices in groups are made floats
// again. It reads like the models' own code and is what the CPU's kernels are compared with.
//
// No ATen here: TokenModel includes this header.
#pragma once

#include <memory>
#include <string>

#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/models/causal_lm/decoder/network.hpp"
#include "engine/models/causal_lm/decoder/precision.hpp"

namespace parley::causal_lm {

class AtenNetwork final : public ChoosingNetwork {
 public:
  // `device`: "cpu" or "cuda", "cuda:1". Precision::as_stored computes in float32 on the CPU and in bfloat16
  // on CUDA; so does int8, which keeps matrices in groups and makes each floats again for its product. Throws
  // std::runtime_error with a sentence when there is no such device.
  // `graphs`: steps run in memory that is kept, their sizes rounded up to powers of two; on CUDA each is
  // captured as a graph the first time, and the host then starts a step with one call.
  AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, Precision precision,
              const std::string& device, bool graphs = false);
  ~AtenNetwork() override;

  std::unique_ptr<KvCache> new_cache() const override;
  std::size_t kv_bytes_per_token() const override;
  std::size_t weight_bytes() const override;
  void read(std::span<const ReadRow> rows) override;
  void read_all(const ReadRow& row, std::span<float> logits) override;
  void step(std::span<const StepRow> rows, std::span<float> logits) override;
  std::unique_ptr<Lane> new_lane(const engine::Sampling& sampling) override;
  void say(Lane& lane, std::span<const int> ids) override;
  std::shared_ptr<StartedStep> start(std::span<const ChoosingRow> rows) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::causal_lm
