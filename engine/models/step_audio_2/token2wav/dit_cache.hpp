// What the diffusion transformer keeps of a stream's past: keys and values, and the last inputs of its causal
// convolutions, of every block, for each step of the solver and both rows of the guidance.
#pragma once

#include <ATen/ATen.h>

#include "engine/models/step_audio_2/token2wav/frame_cache.hpp"

namespace parley::step_audio_2 {

inline constexpr int guidance_rows = 2;  // with the conditions, and without

// A prompt's keys and values, shared by all streams of a voice; or nothing.
struct DitPrompt {
  at::Tensor keys, values;  // [steps, depth, rows, heads, frames, width]
};

struct DitCache {
  FrameCache attention;  // [steps, depth, rows, heads, capacity, width]; the order of frames does not matter
  at::Tensor tails;      // [steps, depth, rows, 2, taps - 1, hidden]: inputs of both convolutions
  at::Tensor new_tails;  // the same after the chunk that is being computed
};

}  // namespace parley::step_audio_2
