// One answer's choices (TokenModel::advance): how it draws, what it said, and what is under way.
//
//   Answer answer = model.begin_answer(sampling);
//   answer.say(prompt);
//   answer.read_next(prompt.back());
//   while (...) if (auto token = model.advance({{&slot, &answer}})[0]) ...
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "engine/models/causal_lm/decoder/network.hpp"
#include "engine/models/causal_lm/sampler.hpp"

namespace parley::causal_lm {

class KvSlot;

struct Decoded {
  int token = -1;
  bool finite =
      true;  // false: the logits were NaN or infinite. Nothing was chosen; the slot is as before the step.
};

class Answer {
 public:
  // The prompt's tokens, for the repetition penalty; ids of EmbeddedRows are none.
  void say(std::span<const int> ids);
  // What its next step reads: the prompt's last token, or the last of what was read beside its steps. Where
  // the device chooses, it must be a token and nothing may be under way.
  void read_next(int token) { next_ = token; }
  // Where the device chooses: a step was started whose token nobody has asked for yet.
  bool is_under_way() const { return step_ != nullptr; }
  // Forgets the step that is under way and, in `slot`, the token that it reads: it was the last, or other
  // tokens are to follow it. What was chosen last is then read by nobody yet, under way or not.
  void take_back(KvSlot& slot);

 private:
  friend class TokenModel;
  // network and lane: null where the host chooses
  Answer(Sampler sampler, ChoosingNetwork* network, std::unique_ptr<Lane> lane)
      : sampler_(std::move(sampler)), network_(network), lane_(std::move(lane)) {}
  Decoded finish_step();  // waits; the next step reads what it chose

  Sampler sampler_;
  ChoosingNetwork* network_;
  std::unique_ptr<Lane> lane_;
  std::optional<int> next_;  // that the next step reads; none while a step is under way
  std::shared_ptr<StartedStep> step_;
  std::size_t row_ = 0;  // of the step
  double drawn_ = 0;     // for it
};

}  // namespace parley::causal_lm
