#include "engine/models/causal_lm/fused/kv_blocks.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/kernels/attention.hpp"

namespace parley::causal_lm {
namespace {

using kernels::piece_positions;

constexpr std::size_t alignment = 64;

std::size_t blocks_for(int length) {
  return static_cast<std::size_t>((length + piece_positions - 1) / piece_positions);
}

}  // namespace

std::size_t KvShape::piece_bytes() const { return kernels::piece_bytes(head_dim); }

std::size_t KvShape::block_bytes() const {
  const std::size_t bytes =
      piece_bytes() * static_cast<std::size_t>(layers) * static_cast<std::size_t>(kv_heads);
  return (bytes + alignment - 1) / alignment * alignment;
}

void KvBlocks::truncate(int length) {
  if (blocks_.size() > blocks_for(length)) blocks_.resize(blocks_for(length));
}

void KvBlocks::copy_from(const KvCache& other, int length) {
  const auto& from = dynamic_cast<const KvBlocks&>(other).blocks_;
  const auto count = static_cast<std::ptrdiff_t>(blocks_for(length));
  std::vector<Block> shared(from.begin(), from.begin() + count);  // first: `other` may be this one
  blocks_ = std::move(shared);
}

void KvBlocks::reserve(int first, int end) {
  for (std::size_t index = static_cast<std::size_t>(first / piece_positions); index < blocks_for(end);
       ++index) {
    if (index == blocks_.size()) {
      blocks_.push_back(new_block());
      std::memset(blocks_.back().get(), 0, shape_.block_bytes());
    } else if (blocks_[index].use_count() > 1) {
      Block own = new_block();
      std::memcpy(own.get(), blocks_[index].get(), shape_.block_bytes());
      blocks_[index] = std::move(own);
    }
  }
}

std::byte* KvBlocks::piece(int position, int layer, int head) {
  return blocks_[static_cast<std::size_t>(position / piece_positions)].get() + offset(layer, head);
}

void KvBlocks::pieces(int layer, int head, int length, const std::byte** pieces) const {
  const std::size_t at = offset(layer, head);
  for (std::size_t index = 0; index < blocks_for(length); ++index) pieces[index] = blocks_[index].get() + at;
}

KvBlocks::Block KvBlocks::new_block() const {
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, shape_.block_bytes()));
  if (memory == nullptr) throw std::bad_alloc();
  return {memory, std::free};
}

std::size_t KvBlocks::offset(int layer, int head) const {
  return shape_.piece_bytes() * static_cast<std::size_t>(layer * shape_.kv_heads + head);
}

}  // namespace parley::causal_lm
