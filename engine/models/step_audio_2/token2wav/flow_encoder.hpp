// Speech tokens to the mean of the mel spectrogram: conformer layers at 25 frames a second, then at 50.
//
//   embed -> pre_lookahead_layer -> encoders -> every frame twice, up_layer -> up_embed -> up_encoders ->
//   after_norm
//
// A chunk sees the frames of the cache and its own, and through pre_lookahead_layer the embeddings of the
// next few tokens, which the caller hands in behind the chunk's own. Encoding all tokens as one last chunk
// without a cache is the offline encoder.
//
// Tested by token2wav_parity_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "engine/layers/layer_norm.hpp"
#include "engine/layers/linear.hpp"
#include "engine/models/step_audio_2/token2wav/config.hpp"
#include "engine/models/step_audio_2/token2wav/crew.hpp"
#include "engine/models/step_audio_2/token2wav/frame_cache.hpp"
#include "engine/models/step_audio_2/token2wav/relative_attention.hpp"

namespace parley::step_audio_2 {

// x += self_attn(norm_mha(x)); x += feed_forward(norm_ff(x))
struct ConformerLayer {
  ConformerLayer(const weights::Weights& weights, const FlowEncoderConfig& config,
                 const layers::Placement& placement);
  at::Tensor operator()(at::Tensor x, const at::Tensor& keys, const at::Tensor& values,
                        std::span<const RelativeAttention::Seen> seen) const;

  layers::LayerNorm norm_mha, norm_ff;
  RelativeAttention self_attn;
  PackedLinear w_1, w_2;  // of feed_forward, SiLU between them
};

// A linear layer, a norm, times sqrt(size).
struct InputLayer {
  InputLayer(const weights::Weights& weights, const FlowEncoderConfig& config,
             const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  PackedLinear linear;     // out.0
  layers::LayerNorm norm;  // out.1
};

// A convolution over frames that lie one after the other, without padding: [time, in] -> [time - taps + 1,
// out]
struct FrameConv {
  FrameConv(const weights::Weights& weights, int size, int taps, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  PackedLinear linear;  // [out, taps * in]
  int taps;
};

// What lies behind a stream: keys and values of all its past tokens that it keeps, and the last inputs of the
// two convolutions that look back.
struct EncoderState {
  FrameCache lower, upper;    // [layers, heads, capacity, width], frames in order of time
  at::Tensor lookahead_tail;  // [2, size], input of pre_lookahead_layer.conv2
  at::Tensor up_tail;         // [2 up_stride, size], input of up_layer.conv
  std::int64_t tokens = 0;    // encoded so far, the prompt's not counted
};

// A prompt's keys and values, which lie apart from those of the streams that share them; or nothing.
struct EncoderPrompt {
  at::Tensor lower_keys, lower_values;  // [layers, heads, tokens, width]
  at::Tensor upper_keys, upper_values;  // [layers, heads, frames, width]
};

class FlowEncoder {
 public:
  FlowEncoder(const weights::Weights& weights, const FlowEncoderConfig& config,
              const layers::Placement& placement);

  // With room for so many tokens in the lower layers and up_stride times as many in the upper.
  EncoderState new_state(int tokens) const;

  struct Job {
    at::Tensor embeddings;  // [tokens + look-ahead, input_size]; of a last chunk [tokens, input_size]
    bool last = false;
    const EncoderPrompt* prompt = nullptr;
    EncoderState* state = nullptr;  // written only where no frame is filled

    // answers
    at::Tensor encoded;                  // [up_stride * tokens, size]
    at::Tensor lookahead_tail, up_tail;  // of the state after this chunk
    int tokens = 0;                      // staged in state->lower; up_stride times as many in state->upper
  };
  void run(Crew& crew, std::span<Job> jobs) const;

  const FlowEncoderConfig& config() const { return config_; }

 private:
  using Stretches = std::vector<Stretch>;
  Stretches lower_stretches(const Job& job) const;
  Stretches upper_stretches(const Job& job) const;
  at::Tensor distances_of(const Job& job, std::size_t layer, std::size_t stretch,
                          const std::vector<at::Tensor>& encodings) const;
  void encode(Job& job, const std::vector<std::vector<at::Tensor>>& distances) const;
  at::Tensor run_layers(const std::vector<ConformerLayer>& layers, at::Tensor x,
                        const at::Tensor& prompt_keys, const at::Tensor& prompt_values, FrameCache& cache,
                        std::span<const std::vector<at::Tensor>> distances) const;

  FlowEncoderConfig config_;
  at::TensorOptions options_;
  InputLayer embed, up_embed;
  FrameConv conv1, conv2;  // of pre_lookahead_layer
  FrameConv up_conv;       // up_layer.conv
  std::vector<ConformerLayer> encoders, up_encoders;
  layers::LayerNorm after_norm;
};

}  // namespace parley::step_audio_2
