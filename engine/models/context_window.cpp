// Tested by test/engine/models/context_window_test.cpp.
#include "engine/models/context_window.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace parley::models {
namespace {

using engine::ContextItem;
using engine::ItemKind;

constexpr int room_for_answer = 256;  // tokens, or an eighth of a context that is small

// The first item of a context that leaves out the first `dropped` ones: a call's output without its call, or
// an answer without its question, would be out of place.
std::size_t next_start(const std::vector<ContextItem>& context, std::size_t dropped) {
  while (dropped + 1 < context.size() &&
         (context[dropped].kind != ItemKind::message || context[dropped].role == engine::Role::assistant)) {
    ++dropped;
  }
  return dropped;
}

}  // namespace

std::size_t items_to_drop(const std::vector<ContextItem>& context, const ContextWindow& window, int fixed,
                          const std::function<int(std::size_t dropped)>& length_of) {
  const int room = window.tokens - std::min(room_for_answer, window.tokens / 8) - window.reserved;
  int allowed = room;
  for (std::size_t dropped = 0;;) {
    const int length = length_of(dropped);
    if (length <= allowed) return dropped;
    if (!window.retention || dropped + 1 >= context.size()) {
      throw std::length_error("The conversation of " + std::to_string(length) + " tokens does not fit the " +
                              std::to_string(room) +
                              " that the model can read: shorten the instructions or the last " +
                              "message, or let the session's `truncation` drop older items.");
    }
    allowed = std::max(fixed, static_cast<int>(*window.retention * room));
    dropped = std::min(next_start(context, dropped + 1), context.size() - 1);
    if (dropped + 1 == context.size()) allowed = room;
  }
}

}  // namespace parley::models
