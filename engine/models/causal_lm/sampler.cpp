#include "engine/models/causal_lm/sampler.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "engine/kernels/functions.hpp"

namespace parley::causal_lm {
namespace {

// Tokens chosen longer ago are not penalised any more: a long answer would run out of common words.
constexpr std::size_t penalised_tokens = 64;

struct Candidate {
  float weight;  // e^((logit - largest) / temperature)
  int id;
};

// The likelier first; of equals the lower id.
bool likelier(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

void penalise(std::vector<float>& logits, std::span<const int> chosen, float penalty) {
  if (chosen.size() > penalised_tokens) chosen = chosen.last(penalised_tokens);
  std::vector<int> tokens(chosen.begin(), chosen.end());
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  for (const int id : tokens) {
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit > 0.0F ? logit / penalty : logit * penalty;
  }
}

// The candidates that may be chosen, in the order in which a draw goes through them. Tokens so unlikely that
// all of them together stay below 1 - top_p cannot be in the nucleus and are left out unsorted.
std::vector<Candidate> candidates(std::span<const float> weights, float total, int top_k, float top_p) {
  const bool nucleus = top_p < 1.0F;
  const float negligible =
      nucleus && top_k <= 0 ? total * (1.0F - top_p) / static_cast<float>(weights.size()) : 0.0F;
  std::vector<Candidate> kept;
  for (std::size_t id = 0; id < weights.size(); ++id)
    if (weights[id] >= negligible) kept.push_back({weights[id], static_cast<int>(id)});
  if (top_k > 0 && static_cast<std::size_t>(top_k) < kept.size()) {
    std::ranges::nth_element(kept, kept.begin() + top_k, likelier);
    kept.resize(static_cast<std::size_t>(top_k));
    total = 0.0F;
    for (const Candidate& candidate : kept) total += candidate.weight;
  }
  if (!nucleus) return kept;
  // A heap gives the likeliest one by one: of thousands a few are taken.
  const auto less_likely = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  std::ranges::make_heap(kept, less_likely);
  std::vector<Candidate> taken;
  for (float sum = 0.0F; !kept.empty() && (taken.empty() || sum < top_p * total);) {
    std::ranges::pop_heap(kept, less_likely);
    taken.push_back(kept.back());
    kept.pop_back();
    sum += taken.back().weight;
  }
  return taken;
}

}  // namespace

Sampler::Sampler(const engine::Sampling& settings) : settings_(settings), random_(settings.seed) {}

int Sampler::next(std::span<const float> logits) {
  const kernels::Functions& kernel = kernels::functions();
  const int count = static_cast<int>(logits.size());
  float largest = 0.0F;
  int id = kernel.argmax(logits.data(), count, &largest);
  if (id < 0) throw std::domain_error("the logits are not finite; expected numbers, got NaN or infinity");

  std::vector<float> penalised;
  if (settings_.repetition_penalty != 1.0F && !chosen_.empty()) {
    penalised.assign(logits.begin(), logits.end());
    penalise(penalised, chosen_, settings_.repetition_penalty);
    logits = penalised;
    id = kernel.argmax(logits.data(), count, &largest);
  }
  if (settings_.temperature > 0.0F) {
    std::vector<float> weights(logits.size());
    const float total =
        kernel.exp_sum(logits.data(), count, largest, 1.0F / settings_.temperature, weights.data());
    const auto kept = candidates(weights, total, settings_.top_k, settings_.top_p);
    double sum = 0.0;
    for (const Candidate& candidate : kept) sum += candidate.weight;
    double drawn = static_cast<double>(random_() >> 11) * 0x1p-53 * sum;  // uniform in [0, sum)
    id = kept.back().id;
    for (const Candidate& candidate : kept) {
      drawn -= candidate.weight;
      if (drawn < 0.0) {
        id = candidate.id;
        break;
      }
    }
  }
  chosen_.push_back(id);
  return id;
}

}  // namespace parley::causal_lm
