// The streams of Flow (flow.hpp): what a chunk reads and leaves.
#include <utility>

#include "engine/models/step_audio_2/token2wav/fixed_solver.hpp"
#include "engine/models/step_audio_2/token2wav/flow.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

// Which frames stay after a chunk, in each of the three caches.
void plan_trim(FlowChunk& chunk, int stride, int chunk_tokens) {
  const FlowStream& stream = *chunk.stream;
  const FlowVoice& voice = *stream.voice;
  const FrameCache& lower = stream.encoder.lower;
  const FrameCache& upper = stream.encoder.upper;
  const FrameCache& attention = stream.dit.attention;
  const int frames = stride * chunk_tokens, prompt = voice.prompt_frames;
  chunk.oldest = stream.oldest;
  switch (voice.trim) {
    case Trim::bounded:
      chunk.lower = lower.plan(keep_newest(lower.frames(), chunk_tokens, voice.history / stride));
      chunk.upper = upper.plan(keep_newest(upper.frames(), frames, voice.history));
      chunk.attention =
          attention.plan(keep_newest_in_ring(attention.frames(), frames, voice.history, chunk.oldest));
      return;
    case Trim::reference_py:
      chunk.lower = lower.plan(keep_as_reference_tiles(lower.frames(), chunk_tokens, prompt, stride));
      chunk.upper = upper.plan(keep_as_reference_conformer(upper.frames(), frames, prompt));
      break;
    case Trim::reference_up:
      chunk.lower = lower.plan(keep_all(lower.frames(), chunk_tokens));
      chunk.upper = upper.plan(keep_all(upper.frames(), frames));
      break;
  }
  chunk.attention = attention.plan(keep_as_reference_estimator(attention.frames(), frames, prompt));
}

FrameCache copy_of(const FrameCache& cache, int room) {
  FrameCache copy = cache;
  copy.keys = cache.keys.clone();
  copy.values = cache.values.clone();
  copy.make_room(room);
  return copy;
}

}  // namespace

void FlowChunk::commit() {
  if (last) return;  // nothing comes after it
  stream->encoder.lower.apply(std::move(lower));
  stream->encoder.upper.apply(std::move(upper));
  stream->encoder.lookahead_tail = std::move(lookahead_tail);
  stream->encoder.up_tail = std::move(up_tail);
  stream->encoder.tokens += counted_tokens;
  stream->dit.attention.apply(std::move(attention));
  std::swap(stream->dit.tails, stream->dit.new_tails);
  stream->oldest = oldest;
}

FlowStream Flow::start(std::shared_ptr<const FlowVoice> voice, FlowNoise noise, int largest_chunk) const {
  return {.voice = std::move(voice),
          .noise = std::move(noise),
          .encoder = {},
          .dit = {},
          .oldest = 0,
          .largest_chunk = largest_chunk};
}

// All or none.
void Flow::make_caches(FlowStream& stream) const {
  const FlowVoice& voice = *stream.voice;
  const int frames = frames_per_token() * stream.largest_chunk;
  EncoderState past;
  DitCache dit;
  if (voice.trim == Trim::bounded) {
    past = encoder.new_state(voice.history / frames_per_token() + stream.largest_chunk);
    dit = decoder.estimator().new_cache(decoder.steps(), voice.history + frames);
  } else {
    past.lower = copy_of(voice.encoder.lower, stream.largest_chunk);
    past.upper = copy_of(voice.encoder.upper, frames);
    dit.attention = copy_of(voice.dit.attention, reference_history + frames);
  }
  past.lookahead_tail = voice.encoder.lookahead_tail;
  past.up_tail = voice.encoder.up_tail;
  dit.tails = voice.dit.tails.clone();
  stream.encoder = std::move(past);
  stream.dit = std::move(dit);
}

void Flow::render(Crew& crew, std::span<FlowChunk> chunks, FixedSolver* fixed) const {
  const c10::InferenceMode inference;
  for (const FlowChunk& chunk : chunks)
    if (!chunk.stream->dit.tails.defined()) make_caches(*chunk.stream);
  std::vector<FlowEncoder::Job> encodings;
  for (FlowChunk& chunk : chunks) {
    const FlowVoice& voice = *chunk.stream->voice;
    encodings.push_back({.embeddings = embed(chunk.tokens),
                         .last = chunk.last,
                         .prompt = voice.trim == Trim::bounded ? &voice.encoder_prompt : nullptr,
                         .state = &chunk.stream->encoder,
                         .encoded = {},
                         .lookahead_tail = {},
                         .up_tail = {},
                         .tokens = 0});
  }
  encoder.run(crew, encodings);
  std::vector<Cfm::Job> solving;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    FlowStream& stream = *chunks[i].stream;
    const bool bounded = stream.voice->trim == Trim::bounded;
    const Tensor mu = encoder_proj(encodings[i].encoded);
    // the reference takes the noise that lies where its cache ends, which stands still once the cache is full
    const int first = stream.dit.attention.frames() + (bounded ? stream.voice->prompt_frames : 0);
    solving.push_back(
        {.noise = stream.noise.frames(first, static_cast<int>(mu.size(0)), config_.output_size, options_),
         .mu = mu,
         .speaker = stream.voice->speaker,
         .condition = {},
         .prompt = bounded ? &stream.voice->dit_prompt : nullptr,
         .cache = &stream.dit,
         .history = bounded ? stream.voice->history : 0,
         .mel = {}});
  }
  if (fixed != nullptr && fixed->takes(solving))
    fixed->solve(solving);
  else
    decoder.solve(crew, solving);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    FlowChunk& chunk = chunks[i];
    chunk.mel = solving[i].mel;
    chunk.lookahead_tail = encodings[i].lookahead_tail;
    chunk.up_tail = encodings[i].up_tail;
    chunk.counted_tokens = encodings[i].tokens;
    if (!chunk.last) plan_trim(chunk, frames_per_token(), encodings[i].tokens);
  }
}

}  // namespace parley::step_audio_2
