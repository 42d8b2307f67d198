#include "engine/models/causal_lm/aten/kv_pages.hpp"

#include <algorithm>

namespace parley::causal_lm {
namespace {

constexpr std::int64_t first_pages = 16;

std::size_t pages_for(int length) {
  return static_cast<std::size_t>((length + page_positions - 1) / page_positions);
}

}  // namespace

KvPool::KvPool(int layers, int kv_heads, int head_dim, const at::TensorOptions& options)
    : keys_(at::zeros({layers, 1, page_positions, kv_heads, head_dim}, options)),
      values_(at::zeros_like(keys_)),
      owners_{1} {}

int KvPool::take() {
  if (free_.empty()) grow();
  const int page = free_.back();
  free_.pop_back();
  owners_[static_cast<std::size_t>(page)] = 1;
  return page;
}

void KvPool::give_back(int page) {
  if (--owners_[static_cast<std::size_t>(page)] == 0) free_.push_back(page);
}

int KvPool::copy_of(int page) {
  const int copy = take();
  for (const at::Tensor* tensor : {&keys_, &values_}) tensor->select(1, copy).copy_(tensor->select(1, page));
  return copy;
}

std::size_t KvPool::page_bytes() const { return (keys_.nbytes() + values_.nbytes()) / owners_.size(); }

void KvPool::grow() {
  const std::int64_t before = keys_.size(1);
  const std::int64_t after = std::max(first_pages, 2 * before);
  for (at::Tensor* tensor : {&keys_, &values_}) {
    std::vector<std::int64_t> shape = tensor->sizes().vec();
    shape[1] = after;
    const at::Tensor grown = at::zeros(shape, tensor->options());
    grown.narrow(1, 0, before).copy_(*tensor);
    *tensor = grown;
  }
  owners_.resize(static_cast<std::size_t>(after), 0);
  for (std::int64_t page = after - 1; page >= before; --page) free_.push_back(static_cast<int>(page));
  ++moves_;
}

void PagedCache::truncate(int length) {
  for (; pages_.size() > pages_for(length); pages_.pop_back()) pool_->give_back(pages_.back());
}

void PagedCache::copy_from(const KvCache& other, int length) {
  const auto& from = dynamic_cast<const PagedCache&>(other).pages_;
  const std::vector<int> shared(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(pages_for(length)));
  for (const int page : shared) pool_->share(page);  // first: `other` may be this one
  truncate(0);
  pages_ = shared;
}

void PagedCache::reserve(int first, int end) {
  for (auto index = static_cast<std::size_t>(first / page_positions); index < pages_for(end); ++index) {
    if (index == pages_.size()) {
      pages_.push_back(pool_->take());
    } else if (pool_->is_shared(pages_[index])) {
      const int copy = pool_->copy_of(pages_[index]);
      pool_->give_back(pages_[index]);
      pages_[index] = copy;
    }
  }
}

}  // namespace parley::causal_lm
