// What a decoder's matrices are computed in.
#pragma once

namespace parley::causal_lm {

enum class Precision {
  as_stored,  // whatever the checkpoint holds, as the device does it best
  float32,    // exact: weights, activations, keys and values
  bfloat16,
  float16,
  int8,  // weights in groups of 32 with a scale each, rounded while loading; activations stay floats
};

}  // namespace parley::causal_lm
