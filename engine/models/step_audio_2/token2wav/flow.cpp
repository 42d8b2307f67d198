#include "engine/models/step_audio_2/token2wav/flow.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "engine/models/step_audio_2/token2wav/noise.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int silence_token = 4218;
constexpr double shortest_speaker = 1e-12;  // an embedding is divided by its length, or by this

layers::Placement float_placement(const layers::Placement& dit) { return {dit.device, at::kFloat}; }

// The filled part alone: what all streams of a voice share needs no room to grow.
Tensor filled(const Tensor& filled_part) { return filled_part.contiguous(); }

}  // namespace

Tensor FlowNoise::frames(int first, int count, int bins, const at::TensorOptions& options) const {
  if (given.defined()) {
    if (given.size(0) < first + count)
      throw std::invalid_argument("the given flow noise has " + std::to_string(given.size(0)) +
                                  " frames, but frames up to " + std::to_string(first + count) +
                                  " are needed: give more");
    return given.narrow(0, first, count);
  }
  const Tensor values = at::empty({count, bins}, at::kFloat);
  fill_normal(seed, static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(bins),
              {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values.to(options);
}

Flow::Flow(const FlowConfig& config, const weights::Weights& weights, const layers::Placement& dit)
    : config_(config),
      options_(at::TensorOptions(dit.device).dtype(at::kFloat)),
      input_embedding(layers::place(weights, "input_embedding.weight", {config.vocab_size, config.input_size},
                                    float_placement(dit))),
      spk_embed_affine_layer(weights.scope("spk_embed_affine_layer"), config.spk_embed_dim,
                             config.output_size, float_placement(dit)),
      encoder(weights.scope("encoder"), config.encoder, float_placement(dit)),
      encoder_proj(weights.scope("encoder_proj"), config.encoder.output_size, config.output_size,
                   float_placement(dit)),
      decoder(weights.scope("decoder"), config.estimator, config.inference_cfg_rate, dit) {}

Tensor Flow::embed(std::span<const int> tokens) const {
  const Tensor ids = at::empty({static_cast<std::int64_t>(tokens.size())}, at::kLong);
  std::int64_t* to = ids.mutable_data_ptr<std::int64_t>();
  for (const int token : tokens) {
    if (token < 0 || token >= config_.vocab_size)
      throw std::invalid_argument("a speech token is " + std::to_string(token) + ", expected 0 .. " +
                                  std::to_string(config_.vocab_size - 1) + ": leave others out");
    *to++ = token;
  }
  return at::embedding(input_embedding, ids.to(options_.device()));
}

Tensor Flow::speaker_of(const SpeakerPrompt& prompt) const {
  if (static_cast<int>(prompt.embedding.size()) != config_.spk_embed_dim)
    throw std::invalid_argument("a speaker's embedding has " + std::to_string(prompt.embedding.size()) +
                                " numbers, this model takes " + std::to_string(config_.spk_embed_dim));
  const Tensor embedding = at::tensor(prompt.embedding).to(options_);
  return spk_embed_affine_layer(embedding / embedding.norm().clamp_min(shortest_speaker));
}

Tensor Flow::mel_of(const SpeakerPrompt& prompt) const {
  const std::size_t frames = prompt.tokens.size() * static_cast<std::size_t>(frames_per_token());
  if (prompt.tokens.empty() || prompt.mel.size() != frames * static_cast<std::size_t>(config_.output_size))
    throw std::invalid_argument("a speaker prompt has " + std::to_string(prompt.tokens.size()) +
                                " tokens and " + std::to_string(prompt.mel.size()) +
                                " mel values; expected at least one token and " +
                                std::to_string(frames_per_token()) + " frames of " +
                                std::to_string(config_.output_size) + " values for each");
  return at::tensor(prompt.mel).unflatten(0, {-1, config_.output_size}).to(options_);
}

std::shared_ptr<const FlowVoice> Flow::prepare(Crew& crew, const SpeakerPrompt& prompt, Trim trim,
                                               int history, Lookahead lookahead,
                                               const FlowNoise& noise) const {
  const c10::InferenceMode inference;
  const Tensor mel = mel_of(prompt);
  const int tokens = static_cast<int>(prompt.tokens.size());
  const int frames = static_cast<int>(mel.size(0));
  std::vector<int> ids = prompt.tokens;
  // a small test model's vocabulary does not reach that far
  for (int i = 0; i < lookahead_tokens(); ++i)
    ids.push_back(lookahead == Lookahead::silence ? std::min(silence_token, config_.vocab_size - 1)
                                                  : prompt.tokens[static_cast<std::size_t>(i % tokens)]);
  FlowVoice voice;
  voice.trim = trim;
  voice.history = history;
  voice.prompt_frames = frames;
  voice.speaker = speaker_of(prompt);
  voice.encoder = encoder.new_state(tokens);
  voice.dit = decoder.estimator().new_cache(decoder.steps(), frames);

  FlowEncoder::Job encoding{.embeddings = embed(ids),
                            .last = false,
                            .prompt = nullptr,
                            .state = &voice.encoder,
                            .encoded = {},
                            .lookahead_tail = {},
                            .up_tail = {},
                            .tokens = 0};
  encoder.run(crew, {&encoding, 1});
  Cfm::Job solving{.noise = noise.frames(0, frames, config_.output_size, options_),
                   .mu = encoder_proj(encoding.encoded),
                   .speaker = voice.speaker,
                   .condition = mel,
                   .prompt = nullptr,
                   .cache = &voice.dit,
                   .history = 0,
                   .mel = {}};
  decoder.solve(crew, {&solving, 1});

  voice.encoder.lower.apply(voice.encoder.lower.plan(keep_all(0, tokens)));
  voice.encoder.upper.apply(voice.encoder.upper.plan(keep_all(0, frames)));
  voice.encoder.lookahead_tail = encoding.lookahead_tail;
  voice.encoder.up_tail = encoding.up_tail;
  voice.dit.attention.apply(voice.dit.attention.plan(keep_all(0, frames)));
  std::swap(voice.dit.tails, voice.dit.new_tails);
  if (trim == Trim::bounded) {
    voice.encoder_prompt = {
        filled(voice.encoder.lower.filled_keys()), filled(voice.encoder.lower.filled_values()),
        filled(voice.encoder.upper.filled_keys()), filled(voice.encoder.upper.filled_values())};
    voice.dit_prompt = {filled(voice.dit.attention.filled_keys()),
                        filled(voice.dit.attention.filled_values())};
    voice.encoder.lower = voice.encoder.upper = voice.dit.attention = FrameCache();
  }
  voice.dit.new_tails = Tensor();
  return std::make_shared<const FlowVoice>(std::move(voice));
}

Tensor Flow::encode(Crew& crew, std::span<const int> tokens) const {
  const c10::InferenceMode inference;
  EncoderState state = encoder.new_state(static_cast<int>(tokens.size()));
  FlowEncoder::Job job{.embeddings = embed(tokens),
                       .last = true,
                       .prompt = nullptr,
                       .state = &state,
                       .encoded = {},
                       .lookahead_tail = {},
                       .up_tail = {},
                       .tokens = 0};
  encoder.run(crew, {&job, 1});
  return encoder_proj(job.encoded);
}

Tensor Flow::offline(Crew& crew, std::span<const int> tokens, const SpeakerPrompt& prompt,
                     const FlowNoise& noise) const {
  const c10::InferenceMode inference;
  const Tensor prompt_mel = mel_of(prompt);
  std::vector<int> ids = prompt.tokens;
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  const Tensor mu = encode(crew, ids);
  const std::int64_t frames = mu.size(0), spoken = frames - prompt_mel.size(0);
  DitCache cache = decoder.estimator().new_cache(/*steps=*/1, static_cast<int>(frames));
  Cfm::Job job{.noise = noise.frames(0, static_cast<int>(frames), config_.output_size, options_),
               .mu = mu,
               .speaker = speaker_of(prompt),
               .condition = at::constant_pad_nd(prompt_mel, {0, 0, 0, spoken}),
               .prompt = nullptr,
               .cache = &cache,
               .history = 0,
               .mel = {}};
  decoder.solve(crew, {&job, 1});
  return job.mel.narrow(0, prompt_mel.size(0), spoken).clone();
}

}  // namespace parley::step_audio_2
