// What a device keeps of the answers whose tokens it chooses by itself: how each draws, what it and its
// prompt said, and what was chosen last.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/models/causal_lm/aten/choose.hpp"
#include "engine/models/causal_lm/aten/decode_step.hpp"
#include "engine/models/causal_lm/decoder/network.hpp"

namespace parley::causal_lm {

// The memory of all of them. It grows when it is used up; its tensors then move.
class Lanes {
 public:
  Lanes(std::int64_t vocabulary, at::Device device);

  // A lane that belongs to nobody: rows that only fill up a batch write there.
  static constexpr std::int64_t spare = 0;

  std::int64_t take(const engine::Sampling& sampling);
  void give_back(std::int64_t lane) { free_.push_back(lane); }
  void say(std::int64_t lane, std::span<const int> ids);  // those below 0 are no tokens

  // The tokens that a step reads [rows]. From then on they count as said; 0 where there is none, as where
  // logits were not finite.
  at::Tensor read(const DecodeStep& step);
  // Chooses what follows and keeps it for the next step: [rows], -1 where logits are not finite.
  at::Tensor choose(const DecodeStep& step, const at::Tensor& logits, bool draws);

  int moves() const { return moves_; }  // how often the tensors moved

 private:
  void grow();

  std::vector<at::Tensor*> tensors();

  at::Tensor seen_;                           // [lanes, vocabulary] bool
  at::Tensor chosen_;                         // [lanes] int64
  at::Tensor temperature_, top_p_, penalty_;  // [lanes] float
  at::Tensor top_k_;                          // [lanes] int64
  std::vector<std::int64_t> free_;
  int moves_ = 0;
};

// One answer's.
class OwnLane final : public Lane {
 public:
  OwnLane(std::shared_ptr<Lanes> lanes, const engine::Sampling& sampling)
      : lanes_(std::move(lanes)), index_(lanes_->take(sampling)), draws_(sampling.temperature > 0.0F) {}
  ~OwnLane() override { lanes_->give_back(index_); }

  std::int64_t index() const { return index_; }
  bool draws() const { return draws_; }

 private:
  std::shared_ptr<Lanes> lanes_;
  std::int64_t index_;
  bool draws_;
};

}  // namespace parley::causal_lm
