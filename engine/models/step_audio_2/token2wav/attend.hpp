// Attention over keys and values that lie in several places: a voice's prompt, which all its streams share,
// and a stream's own frames. The softmax runs over all of them together.
#pragma once

#include <ATen/ATen.h>

#include <span>

namespace parley::step_audio_2 {

struct Segment {
  at::Tensor keys;    // [heads, frames, width]
  at::Tensor values;  // [heads, frames, width]
  at::Tensor bias;    // [heads, queries, frames], added to the scores; or undefined
};

// queries: [heads, queries, width], already scaled -> the same shape. No mask: every query sees every key.
at::Tensor attend(const at::Tensor& queries, std::span<const Segment> segments);

}  // namespace parley::step_audio_2
