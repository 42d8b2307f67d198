// The beginnings that conversations share: most sessions of a server bring the same instructions.
#pragma once

#include <list>
#include <span>
#include <vector>

#include "engine/models/causal_lm/token_model.hpp"

namespace parley::causal_lm {

// Keeps what was computed for the instructions used lately, so that the first turn of a conversation need not
// read them again. Blocks are shared with the slots that they are copied to.
class PrefixCache {
 public:
  explicit PrefixCache(std::size_t most) : most_(most) {}

  // The kept slot that shares the longest beginning with `ids`, and how long that is; null when none shares
  // any.
  struct Match {
    const KvSlot* slot = nullptr;
    int length = 0;
  };
  Match find(std::span<const int> ids);

  // Brings `slot`, which a turn reads into, to begin like `wanted` as far as anything does that was read:
  // `dialogue`, what the turn's conversation read so far (null: nothing; it may be the slot itself), or a
  // kept beginning. Answers how far.
  int begin(KvSlot& slot, const KvSlot* dialogue, std::span<const int> wanted);

  // Keeps the first `length` tokens of `slot`, in `empty`, unless they are kept already; the one not used for
  // longest goes.
  void keep(const KvSlot& slot, int length, KvSlot empty);

 private:
  std::size_t most_;
  std::list<KvSlot> slots_;  // used last first
};

// How many tokens the two begin with in common.
int common_length(std::span<const int> one, std::span<const int> other);

}  // namespace parley::causal_lm
