#include "engine/models/causal_lm/prefix_cache.hpp"

#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

namespace parley {
namespace {

using causal_lm::PrefixCache;
using Ids = std::vector<int>;

causal_lm::LanguageModel& model() {
  static auto loaded = causal_lm::LanguageModel::load(test::tiny("tiny_llama"), {.threads = 1});
  return loaded;
}

causal_lm::KvSlot slot_of(const Ids& ids) {
  causal_lm::KvSlot slot = model().new_slot();
  model().prefill(slot, ids);
  return slot;
}

}  // namespace

TEST_CASE("the longest common beginning is found, and only the beginning that was kept",
          "[causal_lm][prefix_cache]") {
  PrefixCache cache(4);
  CHECK(cache.find(Ids{1, 2, 3}).slot == nullptr);
  cache.keep(slot_of({1, 2, 3, 4, 5}), 4, model().new_slot());
  cache.keep(slot_of({1, 2, 9}), 3, model().new_slot());

  const auto match = cache.find(Ids{1, 2, 3, 4, 5});
  REQUIRE(match.slot != nullptr);
  CHECK(match.length == 4);
  CHECK(match.slot->tokens() == Ids{1, 2, 3, 4});
  CHECK(cache.find(Ids{1, 2, 9, 9}).length == 3);
  CHECK(cache.find(Ids{7}).slot == nullptr);
}

TEST_CASE("what is kept already is not kept twice; the beginning not used for longest goes",
          "[causal_lm][prefix_cache]") {
  PrefixCache cache(2);
  cache.keep(slot_of({1, 1}), 2, model().new_slot());
  cache.keep(slot_of({2, 2}), 2, model().new_slot());
  cache.keep(slot_of({1, 1, 5}), 2, model().new_slot());  // known, and now the one used last
  cache.keep(slot_of({3, 3}), 2, model().new_slot());
  CHECK(cache.find(Ids{1, 1}).length == 2);
  CHECK(cache.find(Ids{2, 2}).length == 0);
  CHECK(cache.find(Ids{3, 3}).length == 2);
}

TEST_CASE("a kept beginning outlives the conversation it came from and answers the same",
          "[causal_lm][prefix_cache]") {
  PrefixCache cache(1);
  const Ids prompt{5, 6, 7, 8, 9};
  std::vector<float> expected;
  {
    causal_lm::KvSlot slot = slot_of(prompt);
    cache.keep(slot, 5, model().new_slot());
    expected = model().logits(slot, 10);
  }
  causal_lm::KvSlot other = model().new_slot();
  const auto match = cache.find(prompt);
  other.copy_from(*match.slot, match.length);
  CHECK(model().logits(other, 10) == expected);
}

TEST_CASE("a cache for nothing keeps nothing", "[causal_lm][prefix_cache]") {
  PrefixCache cache(0);
  cache.keep(slot_of({1, 2}), 2, model().new_slot());
  CHECK(cache.find(Ids{1, 2}).slot == nullptr);
}

}  // namespace parley
