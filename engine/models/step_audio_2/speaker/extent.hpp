// Sizes of a network as its tensors tell them: these two networks come without a config.json.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/weights/weights.hpp"

namespace parley::step_audio_2 {

// How long a tensor of so many axes is along one of them. One that is missing counts as 1: whoever asks for
// it next puts it on the list that finish() throws.
inline int extent(const weights::Weights& weights, const char* name, std::size_t axes, std::size_t axis) {
  if (!weights.has(name)) return 1;
  return static_cast<int>(weights.get(name, std::vector<std::int64_t>(axes, weights::any_size)).shape[axis]);
}

// How many layers `name` has, which are numbered from `first` on: name0, name1, ... A layer is known by
// `tensor`.
inline int count_layers(const weights::Weights& weights, const std::string& name, const std::string& tensor,
                        int first) {
  int count = 0;
  while (weights.has(name + std::to_string(first + count) + "." + tensor)) ++count;
  return count;
}

}  // namespace parley::step_audio_2
