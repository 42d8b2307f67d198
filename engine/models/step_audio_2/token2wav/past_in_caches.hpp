// The past as it lies with each stream, whose caches may be of any lengths.
#pragma once

#include <span>

#include "engine/models/step_audio_2/token2wav/dit_cache.hpp"
#include "engine/models/step_audio_2/token2wav/dit_past.hpp"

namespace parley::step_audio_2 {

// Some rows of one stream's caches.
struct DitRows {
  const DitPrompt* prompt = nullptr;
  DitCache* cache = nullptr;
  int first = 0;
  int count = 0;

  // The axes [rows, ...] of one block at one step. A cache that has room for a single step is that of a pass
  // that keeps nothing: all steps write to the same place.
  at::Tensor at(const at::Tensor& tensor, int step, int block) const;
};

class PastInCaches final : public DitPast {
 public:
  // The rows of a pass are those of `streams`, one stream after the other. Not copied.
  explicit PastInCaches(std::span<const DitRows> streams) : streams_(streams) {}

  at::Tensor look_back(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, int step,
                       int block) const override;
  void lead_in(const at::Tensor& frames, int which, int step, int block) const override;

 private:
  std::span<const DitRows> streams_;
};

}  // namespace parley::step_audio_2
