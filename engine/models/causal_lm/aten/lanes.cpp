#include "engine/models/causal_lm/aten/lanes.hpp"

#include <algorithm>

#include "engine/models/causal_lm/aten/to_device.hpp"

namespace parley::causal_lm {
namespace {

constexpr std::int64_t first_lanes = 16;

}  // namespace

using at::Tensor;

Lanes::Lanes(std::int64_t vocabulary, at::Device device)
    : seen_(at::zeros({1, vocabulary}, at::TensorOptions(device).dtype(at::kBool))),
      chosen_(at::zeros({1}, at::TensorOptions(device).dtype(at::kLong))),
      temperature_(at::zeros({1}, at::TensorOptions(device).dtype(at::kFloat))),
      top_p_(at::ones_like(temperature_)),
      penalty_(at::ones_like(temperature_)),
      top_k_(at::zeros_like(chosen_)) {}

std::vector<Tensor*> Lanes::tensors() {
  return {&seen_, &chosen_, &temperature_, &top_p_, &penalty_, &top_k_};
}

void Lanes::grow() {
  const std::int64_t before = seen_.size(0), after = std::max(first_lanes, 2 * before);
  for (Tensor* tensor : tensors()) {
    std::vector<std::int64_t> shape = tensor->sizes().vec();
    shape[0] = after - before;
    *tensor = at::cat({*tensor, at::zeros(shape, tensor->options())});
  }
  for (std::int64_t lane = after - 1; lane >= before; --lane) free_.push_back(lane);
  ++moves_;
}

std::int64_t Lanes::take(const engine::Sampling& sampling) {
  if (free_.empty()) grow();
  const std::int64_t lane = free_.back();
  seen_.select(0, lane).zero_();
  temperature_.select(0, lane).fill_(sampling.temperature);
  top_p_.select(0, lane).fill_(sampling.top_p);
  penalty_.select(0, lane).fill_(sampling.repetition_penalty);
  top_k_.select(0, lane).fill_(sampling.top_k);
  free_.pop_back();
  return lane;
}

void Lanes::say(std::int64_t lane, std::span<const int> ids) {
  std::vector<std::int64_t> tokens;
  for (const int id : ids)
    if (id >= 0) tokens.push_back(id);
  if (tokens.empty()) return;
  seen_.select(0, lane).index_fill_(0, to_device(tokens, seen_.device()), true);
}

Tensor Lanes::read(const DecodeStep& step) {
  const Tensor given = step.tokens();
  const Tensor tokens =
      at::where(given == chosen_before, chosen_.index_select(0, step.lanes()), given).clamp_min(0);
  seen_.index_put_({step.lanes(), tokens}, at::ones({1}, seen_.options()));
  return tokens;
}

Tensor Lanes::choose(const DecodeStep& step, const Tensor& logits, bool draws) {
  const Tensor lanes = step.lanes();
  const auto of = [&](const Tensor& tensor) { return tensor.index_select(0, lanes); };
  const Tensor chosen = causal_lm::choose(logits,
                                          {.temperature = of(temperature_),
                                           .top_p = of(top_p_),
                                           .penalty = of(penalty_),
                                           .top_k = of(top_k_),
                                           .seen = of(seen_),
                                           .drawn = step.drawn()},
                                          draws);
  chosen_.index_copy_(0, lanes, chosen);
  return chosen;
}

}  // namespace parley::causal_lm
