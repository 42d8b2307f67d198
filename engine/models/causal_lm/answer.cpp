#include "engine/models/causal_lm/answer.hpp"

#include "engine/models/causal_lm/token_model.hpp"

namespace parley::causal_lm {

void Answer::say(std::span<const int> ids) {
  sampler_.read(ids);
  if (lane_) network_->say(*lane_, ids);
}

Decoded Answer::finish_step() {
  const auto token = static_cast<int>(std::exchange(step_, nullptr)->chosen()[row_]);
  if (token < 0) return {.token = -1, .finite = false};
  sampler_.chose(token);
  next_ = token;
  return {.token = token, .finite = true};
}

void Answer::take_back(KvSlot& slot) {
  if (!step_) return;
  step_.reset();
  sampler_.put_back(drawn_);
  slot.truncate(slot.length() - 1);
}

}  // namespace parley::causal_lm
