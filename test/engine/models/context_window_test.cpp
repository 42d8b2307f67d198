#include "engine/models/context_window.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::engine;
using Catch::Matchers::ContainsSubstring;

namespace {

ContextItem item(Role role, ItemKind kind = ItemKind::message) {
  ContextItem item;
  item.role = role;
  item.kind = kind;
  return item;
}

// Every item takes 100 tokens, the instructions 50.
int length_of(const std::vector<ContextItem>& context, std::size_t dropped) {
  return 50 + 100 * static_cast<int>(context.size() - dropped);
}

std::size_t dropped(const std::vector<ContextItem>& context, const models::ContextWindow& window) {
  return models::items_to_drop(context, window, 50, [&](std::size_t n) { return length_of(context, n); });
}

}  // namespace

TEST_CASE("a conversation that fits is read as a whole", "[models][context]") {
  const std::vector context{item(Role::user), item(Role::assistant), item(Role::user)};
  CHECK(dropped(context, {1000, 0, 0.8}) == 0);
}

TEST_CASE("one that does not fit loses its oldest rounds until a share of the room is used",
          "[models][context]") {
  std::vector<ContextItem> context;
  for (int round = 0; round < 10; ++round) {
    context.push_back(item(Role::user));
    context.push_back(item(Role::assistant));
  }
  context.push_back(item(Role::user));
  // room 1,000 - 125 = 875; half of it is 437: three items and the instructions
  CHECK(dropped(context, {1000, 0, 0.5}) == 18);
  CHECK(dropped(context, {1000, 300, 0.5}) == 20);  // room is kept for what comes behind
}

TEST_CASE("an answer goes with its question, a call's output with its call", "[models][context]") {
  const std::vector context{item(Role::user), item(Role::assistant, ItemKind::function_call),
                            item(Role::assistant, ItemKind::function_call_output), item(Role::assistant),
                            item(Role::user)};
  CHECK(dropped(context, {500, 0, 1.0}) == 4);
}

TEST_CASE("what cannot be made to fit is an error that says what to do", "[models][context]") {
  const std::vector context{item(Role::user), item(Role::user)};
  CHECK_THROWS_WITH(dropped(context, {120, 0, 0.8}), ContainsSubstring("shorten the instructions"));
  CHECK_THROWS_WITH(dropped(context, {260, 0, std::nullopt}), ContainsSubstring("truncation"));
}
