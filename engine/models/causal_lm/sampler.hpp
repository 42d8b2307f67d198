// Chooses an answer's next token from the model's logits.
//
// As transformers' GenerationMixin does it, in this order: repetition penalty (Keskar et al. 2019),
// temperature, the top_k most likely and all that are as likely as the last of them, the fewest of these
// whose probabilities reach top_p (Holtzman et al. 2020; of equals the lower id is taken first). Temperature
// 0 is greedy; of equal logits the lowest id wins.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "engine/turn.hpp"

namespace parley::causal_lm {

// Which tokens the repetition penalty makes less likely.
enum class Penalised {
  lately,  // the 64 chosen last: a long answer would otherwise run out of common words
  all,     // every one in the prompt and the answer, as transformers does it
};

struct Candidate {
  int id;
  float weight;  // e^((logit - largest) / temperature); its probability is its share of all weights
};

// Those which may be chosen from `logits` (penalty applied, finite): likeliest first where top_p is below 1,
// and otherwise by id.
// Of `settings` the temperature, above 0, top_k and top_p count.
std::vector<Candidate> candidates(std::span<const float> logits, const engine::Sampling& settings);

// One answer's state: its generator and the tokens that it chose. What it chooses follows from the seed and
// the logits alone, so an answer does not depend on which others share its steps.
class Sampler {
 public:
  explicit Sampler(const engine::Sampling& settings, Penalised penalised = Penalised::lately);

  // Tokens of the prompt, for Penalised::all; ids below 0 are no tokens.
  void read(std::span<const int> ids);

  // What next() draws from, penalty applied; with a temperature above 0.
  std::vector<Candidate> choices(std::span<const float> logits) const;

  // Throws std::domain_error when a logit is NaN or infinite; nothing was chosen then.
  int next(std::span<const float> logits);

  // For who chooses elsewhere by the same numbers: the next of them, 0 <= number < 1, where the temperature
  // is above 0, and what was chosen by it. A number that came to nothing is given back and drawn again.
  double draw();
  void put_back(double number) { put_back_ = number; }
  void chose(int id);

  const std::vector<int>& chosen() const { return chosen_; }

 private:
  bool penalises() const;
  std::vector<float> penalised(std::span<const float> logits) const;
  void note(int id);

  engine::Sampling settings_;
  Penalised penalised_;
  std::mt19937_64 random_;
  std::optional<double> put_back_;
  std::vector<int> chosen_;
  std::vector<bool> seen_;     // by id, with Penalised::all
  std::vector<int> distinct_;  // the ids that were seen
};

}  // namespace parley::causal_lm
