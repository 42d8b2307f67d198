// A decoder's tensors by the checkpoint's names, as its bundle holds them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/weights/weights.hpp"

namespace parley::causal_lm {

// A matrix [outputs, inputs]: float32, float16 or bfloat16, or groups of 8 or 4 bits with scales and minima
// (scripts/convert/weight_groups.py).
struct CheckpointMatrix {
  int outputs = 0;
  int inputs = 0;
  weights::TensorView weight;
  std::optional<weights::TensorView> scale;
  std::optional<weights::TensorView> minimum;
};

struct CheckpointLayer {
  std::vector<float> input_layernorm;
  CheckpointMatrix q_proj, k_proj, v_proj, o_proj;
  std::vector<float> q_bias, k_bias, v_bias, o_bias;  // empty where the architecture has none
  std::vector<float> post_attention_layernorm;
  CheckpointMatrix gate_proj, up_proj, down_proj;
};

struct DecoderCheckpoint {
  CheckpointMatrix embed_tokens;
  std::vector<CheckpointLayer> layers;
  std::vector<float> norm;
  std::optional<CheckpointMatrix> lm_head;  // nothing where it is embed_tokens

  // Throws std::runtime_error with a sentence that lists the tensors which are missing, of another shape or
  // type, or not known. Matrices stay mapped until the result is gone.
  // `folder` holds model.safetensors, or its index and shards; what belongs to an audio encoder beside the
  // decoder (encoder.*, adapter.*) is left alone.
  static DecoderCheckpoint open(const std::filesystem::path& folder, const DecoderConfig& config);
};

}  // namespace parley::causal_lm
