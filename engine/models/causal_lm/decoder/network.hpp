// What TokenModel asks of the network behind it. Two implement it: fused/ (the CPU's own kernels) and
// aten/ (plain tensor operations on any device).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/turn.hpp"

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

// What the device keeps of one answer whose tokens it chooses itself: how the answer draws, what it and its
// prompt said, for the repetition penalty, and what was chosen last.
class Lane {
 public:
  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  virtual ~Lane() = default;
};

// One token that is read, and what follows it chosen. A token that is read counts as said.
struct ChoosingRow {
  KvCache* cache;
  int position;
  std::optional<int> token;  // no EmbeddedRows; none: what the lane's step before chose
  Lane* lane;
  double drawn;  // 0 .. 1: decides where the lane draws
};

// A step that is under way.
class StartedStep {
 public:
  virtual ~StartedStep() = default;
  // Of each row what was chosen; -1 where its logits were NaN or infinite. Waits for this step, not for those
  // after it.
  virtual std::span<const std::int64_t> chosen() = 0;
};

// A network that can choose tokens where its logits are, so that a step can be started before what the one
// before it chose is known here. `Penalised::all` is the only repetition penalty it knows.
class ChoosingNetwork : public Network {
 public:
  virtual std::unique_ptr<Lane> new_lane(const engine::Sampling& sampling) = 0;
  virtual void say(Lane& lane, std::span<const int> ids) = 0;  // tokens count as said; ids below 0 do not
  virtual std::shared_ptr<StartedStep> start(std::span<const ChoosingRow> rows) = 0;
};

}  // namespace parley::causal_lm
