// What TokenModel asks of the network behind it. Two implement it: fused/ (the CPU's own kernels) and
// aten/ (plain tensor operations on any device).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace parley::causal_lm {

// Keys and values of one conversation's tokens, in a network's own form. Which positions count is the
// owner's business: reading at a position overwrites it.
class KvCache {
 public:
  KvCache() = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  virtual ~KvCache() = default;

  virtual std::size_t bytes() const = 0;
  virtual void truncate(int length) = 0;  // positions from `length` on are not needed any more
  // Becomes the first `length` positions of `other`, a cache of the same network.
  virtual void copy_from(const KvCache& other, int length) = 0;
};

// One token, or an EmbeddedRows id, that is read at `position` after all that its cache holds before it.
struct StepRow {
  KvCache* cache;
  int position;
  int token;
};

// What is read at the positions past, past + 1, ... of one cache: tokens and ids of EmbeddedRows.
struct ReadRow {
  KvCache* cache;
  int past;
  std::span<const int> ids;
};

class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  virtual std::unique_ptr<KvCache> new_cache() const = 0;
  virtual std::size_t kv_bytes_per_token() const = 0;
  virtual std::size_t weight_bytes() const = 0;

  // Reads all rows, each in its own cache.
  virtual void read(std::span<const ReadRow> rows) = 0;
  // The same of one, with what follows each of its ids: logits [ids, vocabulary].
  virtual void read_all(const ReadRow& row, std::span<float> logits) = 0;
  // Reads one token of each row (every row has its own cache) and gives what follows: logits [rows,
  // vocabulary].
  virtual void step(std::span<const StepRow> rows, std::span<float> logits) = 0;
};

}  // namespace parley::causal_lm
