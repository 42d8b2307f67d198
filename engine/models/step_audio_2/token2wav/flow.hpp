// Speech tokens to mel frames, 2 a token: encoder, then flow matching, for whole utterances and for streams.
//
// A voice's prompt is read once. What its frames leave in the caches is shared by all streams of the voice
// where the caches are trimmed our way (trim.hpp): a stream then owns `history` frames, however long prompt
// and speech are. Under the reference's policies each stream starts with its own copy.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <span>
#include <vector>

#include "engine/models/step_audio_2/speaker_prompt.hpp"
#include "engine/models/step_audio_2/token2wav/cfm.hpp"
#include "engine/models/step_audio_2/token2wav/config.hpp"
#include "engine/models/step_audio_2/token2wav/crew.hpp"
#include "engine/models/step_audio_2/token2wav/flow_encoder.hpp"
#include "engine/models/step_audio_2/token2wav/trim.hpp"

namespace parley::step_audio_2 {

class FixedSolver;

// The noise that mel frames are made from; frame n of a seed is always the same.
struct FlowNoise {
  std::uint64_t seed = 0;
  at::Tensor given;  // [frames, bins], in place of the seed's; or undefined

  at::Tensor frames(int first, int count, int bins, const at::TensorOptions& options) const;
};

struct FlowVoice {
  Trim trim = Trim::bounded;
  int history = 0;  // frames that a bounded stream keeps besides the prompt
  int prompt_frames = 0;
  at::Tensor speaker;            // [bins]
  EncoderPrompt encoder_prompt;  // bounded
  DitPrompt dit_prompt;          // bounded
  EncoderState encoder;  // that streams begin with; the frame caches only under the reference's policies
  DitCache dit;
};

// Its caches are made when its first chunk is rendered: a turn may begin long before it speaks.
struct FlowStream {
  std::shared_ptr<const FlowVoice> voice;
  FlowNoise noise;
  EncoderState encoder;
  DitCache dit;
  int oldest = 0;         // place of the oldest frame in the estimator's ring
  int largest_chunk = 0;  // tokens, that the caches have room for at once
};

// One chunk of one stream. The stream is not changed before commit().
struct FlowChunk {
  FlowStream* stream = nullptr;
  std::vector<int> tokens;  // the chunk's, and the look-ahead's behind them unless it is the last
  bool last = false;

  at::Tensor mel;  // the answer: [frames, bins]

  void commit();

  // what commit() puts in place
  FrameCache::Change lower, upper, attention;
  at::Tensor lookahead_tail, up_tail;
  int oldest = 0;
  int counted_tokens = 0;
};

class Flow {
 public:
  // dit: where and in which type the estimator is computed; the rest is float32.
  Flow(const FlowConfig& config, const weights::Weights& weights, const layers::Placement& dit);

  std::shared_ptr<const FlowVoice> prepare(Crew& crew, const SpeakerPrompt& prompt, Trim trim, int history,
                                           Lookahead lookahead, const FlowNoise& noise) const;
  FlowStream start(std::shared_ptr<const FlowVoice> voice, FlowNoise noise, int largest_chunk) const;
  // fixed: solves the chunks that it takes; or null.
  void render(Crew& crew, std::span<FlowChunk> chunks, FixedSolver* fixed = nullptr) const;

  // All at once, every frame seeing every other: [frames, bins]
  at::Tensor offline(Crew& crew, std::span<const int> tokens, const SpeakerPrompt& prompt,
                     const FlowNoise& noise) const;

  // The mean that a last chunk without a past is given: [frames, bins]. For tests.
  at::Tensor encode(Crew& crew, std::span<const int> tokens) const;

  const FlowConfig& config() const { return config_; }
  const Cfm& solver() const { return decoder; }
  int frames_per_token() const { return config_.encoder.up_stride; }
  int lookahead_tokens() const { return config_.encoder.pre_lookahead_len; }
  at::TensorOptions options() const { return options_; }

 private:
  void make_caches(FlowStream& stream) const;
  at::Tensor embed(std::span<const int> tokens) const;
  at::Tensor speaker_of(const SpeakerPrompt& prompt) const;
  at::Tensor mel_of(const SpeakerPrompt& prompt) const;

  FlowConfig config_;
  at::TensorOptions options_;
  at::Tensor input_embedding;  // [vocab_size, input_size]
  layers::Linear spk_embed_affine_layer;
  FlowEncoder encoder;
  layers::Linear encoder_proj;
  Cfm decoder;
};

}  // namespace parley::step_audio_2
