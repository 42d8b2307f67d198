// The parts of a decoder in plain tensor operations, and how a checkpoint's weights become them.
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <vector>

#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/precision.hpp"

namespace parley::causal_lm {

struct Linear {
  at::Tensor weight;  // [out, in], or in groups [out, in / 32, 32] of whole numbers
  at::Tensor scale;   // [out, in / 32, 1] of the groups, or undefined
  at::Tensor bias;    // [out], or undefined

  at::Tensor operator()(const at::Tensor& x) const;
  std::size_t bytes() const { return weight.nbytes() + (scale.defined() ? scale.nbytes() : 0); }
};

struct RmsNorm {
  at::Tensor weight;
  double epsilon = 0.0;

  at::Tensor operator()(const at::Tensor& x) const;
};

struct DecoderLayer {
  RmsNorm input_layernorm;
  Linear q_proj, k_proj, v_proj, o_proj;
  RmsNorm post_attention_layernorm;
  Linear gate_proj, up_proj, down_proj;

  at::Tensor mlp(const at::Tensor& x) const { return down_proj(at::silu(gate_proj(x)) * up_proj(x)); }
  std::size_t bytes() const;  // of the matrices
};

// Where weights go, and as what. What was copied there is given back to the file.
class Placing {
 public:
  Placing(Precision precision, at::Device device);

  // of what is computed: its device and type
  const at::TensorOptions& options() const { return options_; }

  at::Tensor matrix(const CheckpointMatrix& matrix) const;  // [out, in] of options()
  at::Tensor vector(const std::vector<float>& values) const;
  // In groups where the precision is int8; throws std::runtime_error where those do not fit.
  Linear linear(const CheckpointMatrix& matrix, const std::vector<float>& bias = {}) const;
  DecoderLayer layer(const CheckpointLayer& from, double epsilon) const;

 private:
  void place_groups(const CheckpointMatrix& matrix, Linear& to) const;

  bool in_groups_;
  at::TensorOptions options_;
};

}  // namespace parley::causal_lm
