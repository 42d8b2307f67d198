#include "engine/models/causal_lm/sampler.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "engine/kernels/functions.hpp"

namespace parley::causal_lm {
namespace {

constexpr std::size_t penalised_tokens = 64;

// The likelier first; of equals the lower id.
bool likelier(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

void penalise_one(float& logit, float penalty) { logit = logit < 0.0F ? logit * penalty : logit / penalty; }

// The candidates from `kept` that top_k leaves: as many, and those that are as likely as the last.
void keep_top_k(std::vector<Candidate>& kept, int top_k) {
  std::ranges::nth_element(kept, kept.begin() + (top_k - 1), likelier);
  const float least = kept[static_cast<std::size_t>(top_k - 1)].weight;
  std::erase_if(kept, [least](const Candidate& candidate) { return candidate.weight < least; });
}

}  // namespace

std::vector<Candidate> candidates(std::span<const float> logits, const engine::Sampling& settings) {
  const kernels::Functions& kernel = kernels::functions();
  const int count = static_cast<int>(logits.size());
  float largest = 0.0F;
  kernel.argmax(logits.data(), count, &largest);
  std::vector<float> weights(logits.size());
  float total = kernel.exp_sum(logits.data(), count, largest, 1.0F / settings.temperature, weights.data());

  // Tokens so unlikely that all of them together stay below 1 - top_p cannot be in the nucleus and are left
  // out unsorted.
  const bool nucleus = settings.top_p < 1.0F;
  const bool limited = settings.top_k > 0 && settings.top_k < count;
  const float negligible =
      nucleus && !limited ? total * (1.0F - settings.top_p) / static_cast<float>(count) : 0.0F;
  std::vector<Candidate> kept;
  for (std::size_t id = 0; id < weights.size(); ++id)
    if (weights[id] >= negligible) kept.push_back({static_cast<int>(id), weights[id]});
  if (limited) {
    keep_top_k(kept, settings.top_k);
    total = 0.0F;
    for (const Candidate& candidate : kept) total += candidate.weight;
  }
  if (!nucleus) {
    if (limited) std::ranges::sort(kept, {}, &Candidate::id);
    return kept;
  }
  // A heap gives the likeliest one by one: of thousands a few are taken.
  const auto less_likely = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  std::ranges::make_heap(kept, less_likely);
  std::vector<Candidate> taken;
  for (float sum = 0.0F; !kept.empty() && (taken.empty() || sum < settings.top_p * total);) {
    std::ranges::pop_heap(kept, less_likely);
    taken.push_back(kept.back());
    kept.pop_back();
    sum += taken.back().weight;
  }
  return taken;
}

Sampler::Sampler(const engine::Sampling& settings, Penalised penalised)
    : settings_(settings), penalised_(penalised), random_(settings.seed) {}

void Sampler::read(std::span<const int> ids) {
  for (const int id : ids)
    if (id >= 0) note(id);
}

void Sampler::note(int id) {
  if (penalised_ != Penalised::all || settings_.repetition_penalty == 1.0F) return;
  const auto index = static_cast<std::size_t>(id);
  if (index >= seen_.size()) seen_.resize(index + 1, false);
  if (seen_[index]) return;
  seen_[index] = true;
  distinct_.push_back(id);
}

bool Sampler::penalises() const {
  return settings_.repetition_penalty != 1.0F && (!chosen_.empty() || !distinct_.empty());
}

std::vector<float> Sampler::penalised(std::span<const float> logits) const {
  std::vector<int> lately;
  if (penalised_ == Penalised::lately) {
    const std::size_t count = std::min(chosen_.size(), penalised_tokens);
    lately.assign(chosen_.end() - static_cast<std::ptrdiff_t>(count), chosen_.end());
    std::ranges::sort(lately);
    const auto repeated = std::ranges::unique(lately);
    lately.erase(repeated.begin(), repeated.end());
  }
  std::vector<float> changed(logits.begin(), logits.end());
  for (const int id : penalised_ == Penalised::lately ? lately : distinct_)
    if (static_cast<std::size_t>(id) < changed.size())
      penalise_one(changed[static_cast<std::size_t>(id)], settings_.repetition_penalty);
  return changed;
}

std::vector<Candidate> Sampler::choices(std::span<const float> logits) const {
  return penalises() ? candidates(penalised(logits), settings_) : candidates(logits, settings_);
}

int Sampler::next(std::span<const float> logits) {
  const kernels::Functions& kernel = kernels::functions();
  const int count = static_cast<int>(logits.size());
  float largest = 0.0F;
  int id = kernel.argmax(logits.data(), count, &largest);
  if (id < 0) throw std::domain_error("the logits are not finite; expected numbers, got NaN or infinity");
  if (settings_.temperature > 0.0F) {
    const std::vector<Candidate> kept = choices(logits);
    double sum = 0.0;
    for (const Candidate& candidate : kept) sum += candidate.weight;
    double drawn = draw() * sum;
    id = kept.back().id;
    for (const Candidate& candidate : kept) {
      drawn -= candidate.weight;
      if (drawn < 0.0) {
        id = candidate.id;
        break;
      }
    }
  } else if (penalises()) {
    id = kernel.argmax(penalised(logits).data(), count, &largest);
  }
  chose(id);
  return id;
}

double Sampler::draw() {
  if (settings_.temperature <= 0.0F) return 0;
  if (put_back_) return *std::exchange(put_back_, std::nullopt);
  return static_cast<double>(random_() >> 11) * 0x1p-53;
}

void Sampler::chose(int id) {
  chosen_.push_back(id);
  note(id);
}

}  // namespace parley::causal_lm
