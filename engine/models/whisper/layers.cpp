#include "engine/models/whisper/layers.hpp"

namespace parley::whisper {

Attention::Attention(const weights::Weights& weights, int width, int heads_,
                     const layers::Placement& placement)
    : q_proj(weights.scope("q_proj"), width, width, placement),
      k_proj(weights.scope("k_proj"), width, width, placement, /*has_bias=*/false),
      v_proj(weights.scope("v_proj"), width, width, placement),
      out_proj(weights.scope("out_proj"), width, width, placement),
      heads(heads_) {}

}  // namespace parley::whisper
