// Keys and values of one conversation in blocks of 16 positions, which conversations share until one of them
// writes.
//
// A block holds its positions of all layers and heads: [layers][kv heads] pieces as attention.hpp describes.
// A conversation without tokens has no blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/models/causal_lm/decoder/network.hpp"

namespace parley::causal_lm {

struct KvShape {
  int layers = 0;
  int kv_heads = 0;
  int head_dim = 0;

  std::size_t piece_bytes() const;
  std::size_t block_bytes() const;
};

class KvBlocks final : public KvCache {
 public:
  explicit KvBlocks(KvShape shape) : shape_(shape) {}

  std::size_t bytes() const override { return blocks_.size() * shape_.block_bytes(); }
  void truncate(int length) override;
  void copy_from(const KvCache& other, int length) override;

  // Makes room for positions first .. end - 1, all blocks before them being there: blocks that others share
  // are copied, so that append may write. Throws std::bad_alloc; what was there stays as it was.
  void reserve(int first, int end);

  std::byte* piece(int position, int layer, int head);
  // The pieces of one layer and head for positions 0 .. length - 1, into `pieces`.
  void pieces(int layer, int head, int length, const std::byte** pieces) const;

 private:
  using Block = std::shared_ptr<std::byte>;
  Block new_block() const;
  std::size_t offset(int layer, int head) const;

  KvShape shape_;
  std::vector<Block> blocks_;
};

}  // namespace parley::causal_lm
