#include "engine/models/causal_lm/aten/tensor_cache.hpp"

#include <algorithm>
#include <bit>

namespace parley::causal_lm {
namespace {

at::Tensor with_capacity(const at::Tensor& from, std::int64_t kept, std::int64_t capacity) {
  at::Tensor grown = at::zeros({from.size(0), from.size(1), capacity, from.size(3)}, from.options());
  if (kept > 0) grown.narrow(2, 0, kept).copy_(from.narrow(2, 0, kept));
  return grown;
}

}  // namespace

void TensorCache::truncate(int length) {
  if (length > 0 || keys_.size(2) == 0) return;
  keys_ = with_capacity(keys_, 0, 0);  // an idle conversation keeps nothing
  values_ = with_capacity(values_, 0, 0);
}

void TensorCache::copy_from(const KvCache& other, int length) {
  const auto& from = dynamic_cast<const TensorCache&>(other);
  if (&from == this) return truncate(length);
  keys_ = with_capacity(from.keys_, length, length);
  values_ = with_capacity(from.values_, length, length);
}

void TensorCache::reserve(int length) {
  const std::int64_t capacity = keys_.size(2);
  if (length <= capacity) return;
  const auto wanted = static_cast<std::int64_t>(std::bit_ceil(static_cast<unsigned>(std::max(length, 64))));
  keys_ = with_capacity(keys_, capacity, wanted);
  values_ = with_capacity(values_, capacity, wanted);
}

std::pair<at::Tensor, at::Tensor> TensorCache::append(int layer, int past, const at::Tensor& k,
                                                      const at::Tensor& v) {
  const std::int64_t tokens = k.size(1);
  const at::Tensor keys = keys_[layer].narrow(1, 0, past + tokens);
  const at::Tensor values = values_[layer].narrow(1, 0, past + tokens);
  keys.narrow(1, past, tokens).copy_(k);
  values.narrow(1, past, tokens).copy_(v);
  return {keys, values};
}

}  // namespace parley::causal_lm
