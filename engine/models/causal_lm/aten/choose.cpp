#include "engine/models/causal_lm/aten/choose.hpp"

#include <tuple>

namespace parley::causal_lm {
namespace {

using at::Tensor;

// The first of each row whose sum, up to itself, is beyond `drawn` [rows, 1]; the one at `last` [rows, 1] at
// the latest.
Tensor first_beyond(const Tensor& sums, const Tensor& drawn, const Tensor& last) {
  return at::minimum((sums <= drawn).sum(1, /*keepdim=*/true), last);
}

// By chance, from what top_k and top_p leave: [rows].
Tensor draw(const Tensor& logits, const Choice& by) {
  const std::int64_t vocabulary = logits.size(1);
  const Tensor temperature = by.temperature.unsqueeze(1);
  const Tensor inverse = at::where(temperature > 0, 1 / temperature, 1.0F);
  const Tensor weights = at::exp((logits - logits.amax(1, /*keepdim=*/true)) * inverse);
  // Of equals the lower id comes first.
  const auto [sorted, ids] = at::sort(weights, /*stable=*/true, /*dim=*/1, /*descending=*/true);
  const Tensor most = at::where(by.top_k > 0, by.top_k.clamp_max(vocabulary), vocabulary).unsqueeze(1);
  const Tensor least = sorted.gather(1, most - 1);  // as likely as the last of top_k

  const Tensor kept = at::where(sorted >= least, sorted, 0.0F).to(at::kDouble);
  const Tensor sums = kept.cumsum(1);
  const Tensor top_p = by.top_p.unsqueeze(1).to(at::kDouble);
  const Tensor in_nucleus = sums - kept < top_p * sums.narrow(1, vocabulary - 1, 1);
  const Tensor last = in_nucleus.sum(1, /*keepdim=*/true).clamp_min(1) - 1;
  const Tensor drawn = by.drawn.unsqueeze(1);
  const Tensor nucleus = ids.gather(1, first_beyond(sums, drawn * sums.gather(1, last), last));

  // Without top_p they stand in the order of their ids.
  const Tensor by_id = at::where(weights >= least, weights, 0.0F).to(at::kDouble).cumsum(1);
  const Tensor end = at::full_like(last, vocabulary - 1);
  const Tensor any = first_beyond(by_id, drawn * by_id.gather(1, end), end);
  return at::where(top_p < 1, nucleus, any).squeeze(1);
}

}  // namespace

Tensor choose(const Tensor& logits, const Choice& by, bool draws) {
  const Tensor penalty = by.penalty.unsqueeze(1);
  const Tensor penalised =
      at::where(by.seen, at::where(logits < 0, logits * penalty, logits / penalty), logits);
  Tensor chosen = penalised.argmax(1);
  if (draws) chosen = at::where(by.temperature > 0, draw(penalised, by), chosen);
  return at::where(logits.isfinite().all(1), chosen, -1);
}

}  // namespace parley::causal_lm
