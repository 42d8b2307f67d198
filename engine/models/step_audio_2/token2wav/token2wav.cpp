#include "engine/models/step_audio_2/token2wav/token2wav.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/models/step_audio_2/token2wav/token2wav_parts.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr double slowest = 0.25, fastest = 4;

constexpr std::uint64_t source_seed_offset =
    0x5EED50C3;  // a stream's two noises must not be the same numbers

layers::Placement estimator_placement(const Token2WavOptions& options) {
  if (options.dit_dtype == "float32") return {at::Device(options.device), at::kFloat};
  if (options.dit_dtype == "bfloat16") return {at::Device(options.device), at::kBFloat16};
  throw std::runtime_error("token2wav's estimator cannot be computed in " + options.dit_dtype +
                           ": use float32 or bfloat16");
}

layers::Placement float_placement_of(const Token2WavOptions& options) {
  return {at::Device(options.device), at::kFloat};
}

Flow load_flow(const std::filesystem::path& folder, const Token2WavOptions& options) {
  const auto weights = weights::Weights::open(folder / "flow.safetensors");
  Flow flow(FlowConfig::read(folder), weights, estimator_placement(options));
  weights.finish();
  return flow;
}

Hift load_hift(const std::filesystem::path& folder, const Token2WavOptions& options) {
  const auto weights = weights::Weights::open(folder / "hift.safetensors");
  Hift hift(weights, float_placement_of(options));
  weights.finish();
  return hift;
}

FlowNoise flow_noise(const Token2WavNoise& noise, int bins, const at::TensorOptions& options) {
  FlowNoise flow{.seed = noise.seed, .given = {}};
  if (!noise.flow.empty()) flow.given = at::tensor(noise.flow).unflatten(0, {-1, bins}).to(options);
  return flow;
}

SourceNoise source_noise(const Token2WavNoise& noise) {
  return {.seed = noise.seed + source_seed_offset, .given = noise.source};
}

std::vector<float> floats_in(const Tensor& tensor) {
  const Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  return {here.const_data_ptr<float>(), here.const_data_ptr<float>() + here.numel()};
}

}  // namespace

Token2Wav::Parts::Parts(const std::filesystem::path& folder, const Token2WavOptions& options)
    : crew(at::Device(options.device), options.threads),
      flow(load_flow(folder, options)),
      hift(load_hift(folder, options)),
      fixed_solver(options.graphs ? std::make_unique<FixedSolver>(flow.solver(), options.gpu) : nullptr) {}

Token2Wav::Token2Wav(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Token2Wav::~Token2Wav() = default;
Token2Wav::Token2Wav(Token2Wav&&) noexcept = default;
Token2Wav& Token2Wav::operator=(Token2Wav&&) noexcept = default;

Token2Wav Token2Wav::load(const std::filesystem::path& folder, const Token2WavOptions& options) {
  const c10::InferenceMode inference;
  // cuDNN would compute the vocoder's convolutions with 10 bits behind the point.
  if (!at::Device(options.device).is_cpu()) at::globalContext().setAllowTF32CuDNN(false);
  return Token2Wav(std::make_unique<Parts>(folder, options));
}

int Token2Wav::vocabulary() const { return parts_->flow.config().vocab_size; }
int Token2Wav::mel_bins() const { return parts_->flow.config().output_size; }
int Token2Wav::lookahead_tokens() const { return parts_->flow.lookahead_tokens(); }
int Token2Wav::samples_per_token() const { return parts_->flow.frames_per_token() * frame_samples; }

std::shared_ptr<const PreparedVoice> Token2Wav::prepare(const SpeakerPrompt& prompt,
                                                        const VoiceOptions& options) const {
  const Flow& flow = parts_->flow;
  if (options.history_frames < flow.frames_per_token() ||
      options.history_frames % flow.frames_per_token() != 0)
    throw std::invalid_argument("a stream's history must be a positive multiple of " +
                                std::to_string(flow.frames_per_token()) + " frames");
  const c10::InferenceMode inference;
  return std::make_shared<const PreparedVoice>(
      PreparedVoice{flow.prepare(parts_->crew, prompt, options.trim, options.history_frames,
                                 options.lookahead, flow_noise(options.noise, mel_bins(), flow.options()))});
}

Token2WavStream Token2Wav::start(std::shared_ptr<const PreparedVoice> voice,
                                 const StreamOptions& options) const {
  const c10::InferenceMode inference;
  if (!(options.speed >= slowest && options.speed <= fastest))
    throw std::invalid_argument("speech can be " + std::to_string(slowest) + " to " +
                                std::to_string(fastest) + " times as fast as it was made, not " +
                                std::to_string(options.speed));
  const double least_frames = options.speed == 1 ? held_back_frames : held_back_frames * options.speed + 1;
  const int least = static_cast<int>(std::ceil(least_frames / parts_->flow.frames_per_token()));
  ChunkSettings chunks = options.chunks;
  if (options.speed != 1)
    for (int& tokens : chunks.tokens) tokens = std::max(tokens, least);
  ChunkSchedule schedule(std::move(chunks), lookahead_tokens(), least);
  const bool as_reference = voice->flow->trim != Trim::bounded;
  FlowStream flow = parts_->flow.start(
      voice->flow, flow_noise(options.noise, mel_bins(), parts_->flow.options()), schedule.largest());
  return Token2WavStream(std::make_unique<Token2WavStream::State>(Token2WavStream::State{
      .flow = std::move(flow),
      .vocoder = VocoderStream(source_noise(options.noise), as_reference, parts_->hift.no_turns()),
      .schedule = std::move(schedule),
      .pace = Pace(options.speed),
      .vocabulary = vocabulary(),
      .wants_mel = options.mel}));
}

std::vector<SpeechChunk> Token2Wav::render(std::span<Token2WavStream* const> streams) const {
  const c10::InferenceMode inference;
  if (std::set<Token2WavStream*>(streams.begin(), streams.end()).size() != streams.size())
    throw std::invalid_argument("a stream was given twice to one pass; its second chunk needs its first");
  std::vector<ChunkSchedule::Chunk> scheduled;
  std::vector<FlowChunk> chunks;
  for (Token2WavStream* stream : streams) {
    Token2WavStream::State& state = *stream->state_;
    scheduled.push_back(state.schedule.next());
    FlowChunk& chunk = chunks.emplace_back();
    chunk.stream = &state.flow;
    chunk.tokens = scheduled.back().tokens;
    chunk.last = scheduled.back().last;
  }
  parts_->flow.render(parts_->crew, chunks, parts_->fixed_solver.get());

  std::vector<Pace::Paced> paced;
  std::vector<Hift::Job> jobs;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const Token2WavStream::State& state = *streams[i]->state_;
    paced.push_back(state.pace.next(chunks[i].mel, chunks[i].last));
    jobs.push_back(state.vocoder.job(paced.back().mel, parts_->hift.harmonics()));
  }
  parts_->hift.run(parts_->crew, jobs);

  std::vector<VocoderStream::Change> changes;
  std::vector<SpeechChunk> speech;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const Token2WavStream::State& state = *streams[i]->state_;
    changes.push_back(state.vocoder.finish(jobs[i], chunks[i].last));
    speech.push_back({.pcm = floats_in(changes.back().samples),
                      .mel = state.wants_mel ? floats_in(chunks[i].mel) : std::vector<float>(),
                      .last = chunks[i].last});
  }
  // from here on nothing throws
  for (std::size_t i = 0; i < streams.size(); ++i) {
    Token2WavStream::State& state = *streams[i]->state_;
    chunks[i].commit();
    state.vocoder.commit(std::move(changes[i]));
    state.pace = std::move(paced[i].after);
    state.schedule.rendered(scheduled[i]);
  }
  return speech;
}

SpeechChunk Token2Wav::offline(std::span<const int> tokens, const SpeakerPrompt& prompt,
                               const Token2WavNoise& noise, bool as_reference) const {
  const c10::InferenceMode inference;
  if (tokens.empty()) return {.pcm = {}, .mel = {}, .last = true};
  const Flow& flow = parts_->flow;
  const Tensor mel =
      flow.offline(parts_->crew, tokens, prompt, flow_noise(noise, mel_bins(), flow.options()));
  VocoderStream vocoder(source_noise(noise), as_reference, parts_->hift.no_turns());
  Hift::Job job = vocoder.job(mel, parts_->hift.harmonics());
  parts_->hift.run(parts_->crew, {&job, 1});
  return {.pcm = floats_in(job.speech), .mel = floats_in(mel), .last = true};
}

std::size_t bytes_of(const PreparedVoice& voice) {
  const FlowVoice& flow = *voice.flow;
  std::size_t bytes = 0;
  for (const Tensor* tensor :
       {&flow.encoder_prompt.lower_keys, &flow.encoder_prompt.lower_values, &flow.encoder_prompt.upper_keys,
        &flow.encoder_prompt.upper_values, &flow.dit_prompt.keys, &flow.dit_prompt.values,
        &flow.encoder.lower.keys, &flow.encoder.lower.values, &flow.encoder.upper.keys,
        &flow.encoder.upper.values, &flow.dit.attention.keys, &flow.dit.attention.values, &flow.dit.tails})
    if (tensor->defined()) bytes += tensor->nbytes();
  return bytes;
}

}  // namespace parley::step_audio_2
