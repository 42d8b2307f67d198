// Chooses an answer's next token from the model's logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "engine/turn.hpp"

namespace parley::causal_lm {

// One answer's state: its generator and the tokens that it chose. What it chooses follows from the seed and
// the logits alone, so an answer does not depend on which others share its steps.
//
// In this order: repetition penalty on the tokens chosen lately (Keskar et al. 2019), temperature, the top_k
// most likely, the fewest of these whose probabilities reach top_p (Holtzman et al. 2020). Temperature 0 is
// greedy; of equal logits the lowest id wins.
class Sampler {
 public:
  explicit Sampler(const engine::Sampling& settings);

  // Throws std::domain_error when a logit is NaN or infinite; nothing was chosen then.
  int next(std::span<const float> logits);

  const std::vector<int>& chosen() const { return chosen_; }

 private:
  engine::Sampling settings_;
  std::mt19937_64 random_;
  std::vector<int> chosen_;
};

}  // namespace parley::causal_lm
