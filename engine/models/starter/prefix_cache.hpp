// The beginnings that conversations share: most sessions of a server bring the same instructions.
#pragma once

#include <list>
#include <span>
#include <vector>

#include "engine/models/causal_lm/language_model.hpp"

namespace parley::starter {

// Keeps what was computed for the instructions used lately, so that the first turn of a conversation need not
// read them again. Blocks are shared with the slots that they are copied to.
class PrefixCache {
 public:
  explicit PrefixCache(std::size_t most) : most_(most) {}

  // The kept slot that shares the longest beginning with `ids`, and how long that is; null when none shares
  // any.
  struct Match {
    const causal_lm::KvSlot* slot = nullptr;
    int length = 0;
  };
  Match find(std::span<const int> ids);

  // Keeps the first `length` tokens of `slot` unless they are kept already; the one not used for longest
  // goes.
  void keep(const causal_lm::LanguageModel& model, const causal_lm::KvSlot& slot, int length);

 private:
  std::size_t most_;
  std::list<causal_lm::KvSlot> slots_;  // used last first
};

// How many tokens the two begin with in common.
int common_length(std::span<const int> one, std::span<const int> other);

}  // namespace parley::starter
