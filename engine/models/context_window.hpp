// Which part of a long conversation a model reads: the newest items that fit.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "engine/turn.hpp"

namespace parley::models {

struct ContextWindow {
  int tokens = 0;    // that the model can read at most
  int reserved = 0;  // of them for what is put behind the conversation
  // Where the conversation does not fit, items are left out until it takes this share of the room: the next
  // turns then build on what was read. Empty: nothing may be left out.
  std::optional<double> retention;
};

// How many of the oldest items are left out. `length_of(dropped)` is the prompt's length without the first
// `dropped` items, of which `fixed` tokens (instructions, tools) never go. An answer goes with its question,
// and a call's output with its call. Throws std::length_error with a sentence when the last item alone does
// not fit, or when nothing may be left out.
std::size_t items_to_drop(const std::vector<engine::ContextItem>& context, const ContextWindow& window,
                          int fixed, const std::function<int(std::size_t dropped)>& length_of);

}  // namespace parley::models
