// Rotary position embedding (Su et al. 2021): how far each pair of a head's numbers turns at a position.
#pragma once

#include <vector>

#include "engine/models/causal_lm/decoder/config.hpp"

namespace parley::causal_lm {

class Rotary {
 public:
  explicit Rotary(const DecoderConfig& config);

  int pairs() const { return static_cast<int>(frequencies_.size()); }  // head_dim / 2
  // Cosines and sines of one position, [pairs] each. Angles are float32 products as in the models' own code,
  // since weights were trained with their rounding.
  void angles(int position, float* cosines, float* sines) const;

 private:
  std::vector<float> frequencies_;  // radians a position
};

}  // namespace parley::causal_lm
