// Token2wav, stage by stage, against stepaudio2-minicpmo (scripts/parity/token2wav.py).
#include <ATen/Parallel.h>

#include <nlohmann/json.hpp>

#include "engine/models/step_audio_2/token2wav/past_in_caches.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav_parts.hpp"
#include "test/engine/models/step_audio_2/token2wav/small_token2wav.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using at::Tensor;

namespace {

const layers::Placement on_cpu;

struct SmallNetworks {
  SmallNetworks()
      : crew(at::kCPU, 2),
        flow(FlowConfig::read(test::small_token2wav()),
             weights::Weights::open(test::small_token2wav() / "flow.safetensors"), on_cpu),
        hift(weights::Weights::open(test::small_token2wav() / "hift.safetensors"), on_cpu) {}

  Crew crew;
  Flow flow;
  Hift hift;
};

SmallNetworks& networks() {
  static SmallNetworks loaded = [] {
    at::set_num_threads(1);
    const c10::InferenceMode inference;
    return SmallNetworks();
  }();
  return loaded;
}

double largest_difference(const Tensor& ours, const Tensor& reference) {
  REQUIRE(ours.sizes() == reference.sizes());
  return (ours - reference).abs().max().item<double>();
}

Tensor tensor_of(const std::vector<float>& values, int width) {
  return at::tensor(values).unflatten(0, {-1, width});
}

// PCM as the reference sends it: 16 bits, cut off towards zero.
Tensor as_int16(const std::vector<float>& pcm) {
  return (at::tensor(pcm).clamp(-1, 1) * 32767).trunc().to(at::kInt);
}

struct Spoken {
  Tensor mel, pcm;
  std::vector<std::size_t> samples;  // of each chunk
};

// The reference's schedule, with its noise.
Spoken speak(const Token2Wav& token2wav, int prompt_tokens, Trim trim, Lookahead lookahead) {
  Token2WavNoise noise{.seed = 0, .flow = test::flow_noise(500), .source = {}};
  const auto voice = token2wav.prepare(test::small_prompt(prompt_tokens, 50),
                                       {.trim = trim, .lookahead = lookahead, .noise = noise});
  const std::vector<int> tokens = test::small_tokens(184, 60);
  for (int call = 0; call < 8; ++call)
    noise.source.push_back(test::source_noise(call, call == 0 ? 50 : call < 7 ? 58 : 26));
  Token2WavStream stream =
      token2wav.start(voice, {.noise = noise, .chunks = ChunkSettings::as_reference(), .mel = true});
  stream.push_tokens(tokens);
  stream.finish();
  std::vector<float> mel, pcm;
  Spoken spoken;
  while (!stream.finished()) {
    Token2WavStream* one = &stream;
    const SpeechChunk chunk = token2wav.render({&one, 1}).front();
    mel.insert(mel.end(), chunk.mel.begin(), chunk.mel.end());
    pcm.insert(pcm.end(), chunk.pcm.begin(), chunk.pcm.end());
    spoken.samples.push_back(chunk.pcm.size());
  }
  spoken.mel = tensor_of(mel, token2wav.mel_bins());
  spoken.pcm = as_int16(pcm);
  return spoken;
}

void check_stream(const std::string& name, int prompt_tokens, Trim trim, Lookahead lookahead) {
  const Token2Wav token2wav = Token2Wav::load(test::small_token2wav(), {.threads = 2});
  const Spoken spoken = speak(token2wav, prompt_tokens, trim, lookahead);
  const std::vector<std::size_t> samples{20160, 24000, 24000, 24000, 24000, 24000, 24000, 12480};
  CHECK(spoken.samples == samples);
  CHECK(largest_difference(spoken.mel.slice(1, 0, {}, 10),
                           test::reference_tensor("stream." + name + ".mel")) < 1e-3);
  const Tensor pcm = test::reference_tensor("stream." + name + ".pcm").to(at::kInt);
  CHECK(largest_difference(spoken.pcm.slice(0, 0, {}, 32), pcm) <= 2);
}

}  // namespace

TEST_CASE("the flow's encoder makes the reference's mean of tokens", "[token2wav][parity]") {
  SmallNetworks& small = networks();
  const Tensor mu = small.flow.encode(small.crew, test::small_tokens(21, 11));
  CHECK(largest_difference(mu, test::reference_tensor("encoder.mu")) < 1e-4);
}

TEST_CASE("the estimator's velocity is the reference's", "[token2wav][parity]") {
  networks();
  const c10::InferenceMode inference;
  const auto weights = weights::Weights::open(test::small_token2wav() / "flow.safetensors");
  const FlowConfig config = FlowConfig::read(test::small_token2wav());
  const Cfm cfm(weights.scope("decoder"), config.estimator, config.inference_cfg_rate, on_cpu);
  const std::int64_t frames = 11;
  std::vector<Tensor> parts;
  for (std::uint32_t i = 0; i < 2; ++i) parts.push_back(test::formula_tensor(30 + i, {2, frames, 80}, 1));
  parts.push_back(test::formula_tensor(33, {2, 80}, 1).unsqueeze(1).expand({2, frames, 80}));
  parts.push_back(test::formula_tensor(32, {2, frames, 80}, 1));
  DitCache cache = cfm.estimator().new_cache(1, static_cast<int>(frames));
  const DitRows rows{.prompt = nullptr, .cache = &cache, .first = 0, .count = guidance_rows};
  const Tensor velocity = cfm.estimator()(at::cat(parts, 2), /*step=*/4, PastInCaches({&rows, 1}));
  CHECK(largest_difference(velocity, test::reference_tensor("estimator.velocity")) < 1e-4);
}

TEST_CASE("ten steps of the solver make the reference's mel frames", "[token2wav][parity]") {
  SmallNetworks& small = networks();
  const FlowNoise noise{.seed = 0, .given = tensor_of(test::flow_noise(200), 80)};
  const Tensor mel =
      small.flow.offline(small.crew, test::small_tokens(19, 43), test::small_prompt(15, 40), noise);
  CHECK(largest_difference(mel, test::reference_tensor("offline.mel")) < 1e-3);
}

TEST_CASE("the vocoder's pitch, source and speech are the reference's", "[token2wav][parity]") {
  SmallNetworks& small = networks();
  const c10::InferenceMode inference;
  const Tensor mel = test::reference_tensor("offline.mel");
  const int frames = static_cast<int>(mel.size(0));
  CHECK(largest_difference(small.hift.f0_predictor(mel), test::reference_tensor("vocoder.f0")) < 1e-3);
  Hift::Job job{.mel = mel,
                .noise = tensor_of(test::source_noise(0, frames), small.hift.harmonics()),
                .source_head = {},
                .as_reference = true,
                .turns = small.hift.no_turns(),
                .source = {},
                .speech = {}};
  small.hift.run(small.crew, {&job, 1});
  CHECK(job.speech.size(0) == frames * frame_samples);
  CHECK(largest_difference(job.source.slice(0, 0, {}, 5), test::reference_tensor("vocoder.source")) < 1e-4);
  CHECK(largest_difference(job.speech.slice(0, 0, {}, 5), test::reference_tensor("vocoder.speech")) < 1e-3);
}

TEST_CASE("a stream with a short prompt is stepaudio2-minicpmo's, chunk by chunk", "[token2wav][parity]") {
  check_stream("short_py", 30, Trim::reference_py, Lookahead::silence);
}

TEST_CASE("a stream with a longer prompt is stepaudio2-minicpmo's, chunk by chunk", "[token2wav][parity]") {
  check_stream("long_py", 55, Trim::reference_py, Lookahead::silence);
}

TEST_CASE("a stream whose conformer keeps everything is Step-Audio2's, chunk by chunk",
          "[token2wav][parity]") {
  check_stream("long_up", 55, Trim::reference_up, Lookahead::prompt);
}

TEST_CASE("a conformer layer of official width computes what the reference's does", "[token2wav][parity]") {
  networks();
  const c10::InferenceMode inference;
  const test::TemporaryFolder folder;
  const weights::Weights weights(test::formula_checkpoint("conformer", folder.path() / "layer.safetensors"));
  const FlowEncoderConfig config{
      .input_size = 512, .output_size = 512, .attention_heads = 8, .linear_units = 2048};
  const ConformerLayer layer(weights, config, on_cpu);
  weights.finish();
  const int frames = 50, past = 30;
  const Tensor cached = test::formula_tensor(201, {8, past, 128}, 1);
  const Tensor keys = at::cat({cached.slice(2, 0, 64), at::zeros({8, frames, 64})}, 1);
  const Tensor values = at::cat({cached.slice(2, 64), at::zeros({8, frames, 64})}, 1);
  const Tensor encodings = distance_encodings(frames, {past + frames, -past}, 512, at::kFloat);
  const RelativeAttention::Seen seen{keys, values, layer.self_attn.distances(encodings)};
  const Tensor answer = layer(test::formula_tensor(200, {frames, 512}, 1), keys.narrow(1, past, frames),
                              values.narrow(1, past, frames), {&seen, 1});
  CHECK(largest_difference(answer.slice(0, 0, {}, 5).slice(1, 0, {}, 8),
                           test::reference_tensor("official.conformer")) < 1e-4);
}

TEST_CASE("an estimator block of official width computes what the reference's does, with and without a past",
          "[token2wav][parity]") {
  networks();
  const c10::InferenceMode inference;
  const test::TemporaryFolder folder;
  const weights::Weights weights(test::formula_checkpoint("estimator", folder.path() / "dit.safetensors"));
  const nlohmann::json json = nlohmann::json::parse(test::reference_metadata("estimator_config"));
  const DitConfig config{json["in_channels"], json["out_channels"], json["mlp_ratio"],  json["depth"],
                         json["num_heads"],   json["head_dim"],     json["hidden_size"]};
  const Dit dit(weights, config, {0.0F}, on_cpu);
  weights.finish();
  DitCache cache = dit.new_cache(1, 70);
  const DitRows rows{.prompt = nullptr, .cache = &cache, .first = 0, .count = guidance_rows};
  for (std::uint32_t call = 0; call < 2; ++call) {
    const std::int64_t frames = call == 0 ? 50 : 20;
    std::vector<Tensor> parts;
    for (std::uint32_t i = 0; i < 2; ++i)
      parts.push_back(test::formula_tensor(400 + 10 * call + i, {frames, 80}, 1));
    parts.push_back(test::formula_tensor(405, {80}, 1).unsqueeze(0).expand({frames, 80}));
    parts.push_back(test::formula_tensor(402 + 10 * call, {frames, 80}, 1));
    const Tensor with = at::cat(parts, 1);
    Tensor without = at::zeros_like(with);
    without.slice(1, 0, 80).copy_(parts[0]);
    const Tensor velocity = dit(at::stack({with, without}), /*step=*/0, PastInCaches({&rows, 1}));
    CHECK(largest_difference(velocity.slice(2, 0, {}, 5),
                             test::reference_tensor("official.estimator" + std::to_string(call))) < 1e-4);
    cache.attention.apply(cache.attention.plan(keep_all(0, static_cast<int>(frames))));
    std::swap(cache.tails, cache.new_tails);
  }
}

TEST_CASE("a vocoder stage of official width computes what the reference's does", "[token2wav][parity]") {
  networks();
  const c10::InferenceMode inference;
  const test::TemporaryFolder folder;
  const weights::Weights weights(
      test::formula_checkpoint("vocoder_stage", folder.path() / "stage.safetensors"));
  const Upsampling up(weights.scope("up"), 512, 8, on_cpu);
  const ResBlock block(weights.scope("block"), 256, on_cpu);
  weights.finish();
  const Tensor answer = block(up(test::formula_tensor(600, {12, 512}, 1)));
  CHECK(largest_difference(answer.slice(0, 0, {}, 3).slice(1, 0, {}, 4),
                           test::reference_tensor("official.vocoder_stage")) < 1e-4);
}
