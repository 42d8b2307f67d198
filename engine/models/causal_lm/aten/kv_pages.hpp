// Keys and values of all conversations in pages of 64 positions that lie in one pair of tensors, so that a
// step reads those of any mix of conversations by their pages' numbers.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "engine/models/causal_lm/decoder/network.hpp"

namespace parley::causal_lm {

inline constexpr int page_positions = 64;

// The memory, and who owns which page. It grows when it is used up; its tensors then move.
class KvPool {
 public:
  KvPool(int layers, int kv_heads, int head_dim, const at::TensorOptions& options);

  int take();  // a page of the caller's own; throws c10::OutOfMemoryError
  void share(int page) { ++owners_[static_cast<std::size_t>(page)]; }
  void give_back(int page);
  bool is_shared(int page) const { return owners_[static_cast<std::size_t>(page)] > 1; }
  int copy_of(int page);  // taken, with the same content

  // [pages, 64, kv_heads, head_dim] of a layer
  at::Tensor keys(int layer) const { return keys_[layer]; }
  at::Tensor values(int layer) const { return values_[layer]; }
  // A page that belongs to nobody: rows that only fill up a batch write there.
  static constexpr int spare_page = 0;
  std::size_t page_bytes() const;
  int moves() const { return moves_; }  // how often the tensors moved

 private:
  void grow();

  at::Tensor keys_, values_;  // [layers, pages, 64, kv_heads, head_dim]
  std::vector<int> owners_;   // of each page, how many
  std::vector<int> free_;
  int moves_ = 0;
};

// One conversation's pages, shared with others until one of them writes.
class PagedCache final : public KvCache {
 public:
  explicit PagedCache(std::shared_ptr<KvPool> pool) : pool_(std::move(pool)) {}
  ~PagedCache() override { PagedCache::truncate(0); }

  std::size_t bytes() const override { return pages_.size() * pool_->page_bytes(); }
  void truncate(int length) override;
  void copy_from(const KvCache& other, int length) override;

  // Makes room for positions first .. end - 1, all before them being there.
  void reserve(int first, int end);
  const std::vector<int>& pages() const { return pages_; }
  // Of a position, its place among all positions of the pool.
  std::int64_t place(int position) const {
    return std::int64_t{pages_[static_cast<std::size_t>(position / page_positions)]} * page_positions +
           position % page_positions;
  }

 private:
  std::shared_ptr<KvPool> pool_;
  std::vector<int> pages_;
};

}  // namespace parley::causal_lm
