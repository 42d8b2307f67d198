// Keys and values of one conversation as two tensors that grow.
#pragma once

#include <ATen/ATen.h>

#include "engine/models/causal_lm/decoder/network.hpp"

namespace parley::causal_lm {

class TensorCache final : public KvCache {
 public:
  // shape [layers, kv_heads, 0, head_dim], with the dtype and device of the network
  explicit TensorCache(const at::Tensor& empty) : keys_(empty), values_(empty) {}

  std::size_t bytes() const override { return keys_.nbytes() + values_.nbytes(); }
  void truncate(int length) override;
  void copy_from(const KvCache& other, int length) override;

  void reserve(int length);
  // Writes k and v [kv_heads, tokens, head_dim] at `past` and answers all keys and values up to their end.
  std::pair<at::Tensor, at::Tensor> append(int layer, int past, const at::Tensor& k, const at::Tensor& v);

 private:
  at::Tensor keys_, values_;  // [layers, kv_heads, capacity, head_dim]
};

}  // namespace parley::causal_lm
