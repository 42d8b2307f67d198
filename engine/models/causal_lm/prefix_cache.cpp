// Tested by test/engine/models/causal_lm/prefix_cache_test.cpp.
#include "engine/models/causal_lm/prefix_cache.hpp"

#include <algorithm>
#include <utility>

namespace parley::causal_lm {

int common_length(std::span<const int> one, std::span<const int> other) {
  const auto [end, unused] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return static_cast<int>(end - one.begin());
}

PrefixCache::Match PrefixCache::find(std::span<const int> ids) {
  auto best = slots_.end();
  int length = 0;
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    const int common = common_length(slot->tokens(), ids);
    if (common > length) {
      length = common;
      best = slot;
    }
  }
  if (best == slots_.end()) return {};
  slots_.splice(slots_.begin(), slots_, best);
  return {&slots_.front(), length};
}

int PrefixCache::begin(KvSlot& slot, const KvSlot* dialogue, std::span<const int> wanted) {
  const int in_dialogue = dialogue != nullptr ? common_length(dialogue->tokens(), wanted) : 0;
  if (const Match shared = find(wanted); shared.length > in_dialogue) {
    slot.copy_from(*shared.slot, shared.length);
  } else if (dialogue == &slot) {
    slot.truncate(in_dialogue);
  } else if (in_dialogue > 0) {
    slot.copy_from(*dialogue, in_dialogue);
  }
  return slot.length();
}

void PrefixCache::keep(const KvSlot& slot, int length, KvSlot empty) {
  if (length <= 0 || most_ == 0) return;
  const std::span<const int> ids = std::span(slot.tokens()).first(static_cast<std::size_t>(length));
  if (find(ids).length == length) return;
  if (slots_.size() == most_) slots_.pop_back();
  slots_.push_front(std::move(empty));
  slots_.front().copy_from(slot, length);
}

}  // namespace parley::causal_lm
