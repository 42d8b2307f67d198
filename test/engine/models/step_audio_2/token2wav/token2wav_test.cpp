// Token2wav's own streams: bounded, independent of each other, without clicks.
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/models/step_audio_2/token2wav/token2wav_parts.hpp"
#include "test/engine/models/step_audio_2/token2wav/small_token2wav.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;

namespace {

const Token2Wav& small() {
  static const Token2Wav loaded = [] {
    at::set_num_threads(1);
    return Token2Wav::load(test::small_token2wav(), {.threads = 2});
  }();
  return loaded;
}

std::shared_ptr<const PreparedVoice> voice(int tokens = 20) {
  return small().prepare(test::small_prompt(tokens, 50), {.history_frames = 40});
}

SpeechChunk render_one(const Token2Wav& token2wav, Token2WavStream& stream) {
  Token2WavStream* one = &stream;
  return token2wav.render({&one, 1}).front();
}

std::vector<float> render_all(const Token2Wav& token2wav, Token2WavStream& stream) {
  std::vector<float> pcm;
  while (stream.chunk_ready()) {
    const SpeechChunk chunk = render_one(token2wav, stream);
    pcm.insert(pcm.end(), chunk.pcm.begin(), chunk.pcm.end());
  }
  return pcm;
}

Token2WavStream speech_of(int tokens, const StreamOptions& options) {
  Token2WavStream stream = small().start(voice(), options);
  stream.push_tokens(test::small_tokens(tokens, 60));
  stream.finish();
  return stream;
}

std::vector<float> say(int tokens, const StreamOptions& options) {
  Token2WavStream stream = speech_of(tokens, options);
  return render_all(small(), stream);
}

}  // namespace

TEST_CASE("a speech of n tokens is 960 n samples long, however short and however it is cut", "[token2wav]") {
  const int tokens = GENERATE(1, 2, 3, 4, 5, 11, 12, 14, 26, 27, 28, 29, 60);
  const std::vector<int> first = GENERATE(std::vector<int>{4}, std::vector<int>{8, 12, 25});
  const std::vector<float> pcm = say(tokens, {.chunks = {.tokens = first}});
  CHECK(pcm.size() == static_cast<std::size_t>(tokens * small().samples_per_token()));
  CHECK(std::ranges::all_of(pcm, [](float sample) { return std::abs(sample) <= 0.99F; }));
  CHECK(std::ranges::any_of(pcm, [](float sample) { return sample != 0; }));
}

TEST_CASE("a speech without tokens is over when it ends", "[token2wav]") {
  Token2WavStream stream = small().start(voice(), {});
  CHECK_FALSE(stream.finished());
  stream.finish();
  CHECK(stream.finished());
  CHECK_FALSE(stream.chunk_ready());
}

TEST_CASE("tokens that arrive one by one are rendered like tokens that arrive at once", "[token2wav]") {
  const std::vector<int> tokens = test::small_tokens(47, 60);
  const StreamOptions options{.noise = {.seed = 3}, .chunks = {.tokens = {8, 12}, .join_last = false}};
  Token2WavStream stream = small().start(voice(), options);
  std::vector<float> pcm;
  auto render_ready = [&] {
    const std::vector<float> more = render_all(small(), stream);
    pcm.insert(pcm.end(), more.begin(), more.end());
  };
  for (const int token : tokens) {
    stream.push_tokens({&token, 1});
    render_ready();
  }
  stream.finish();
  render_ready();
  CHECK(pcm == say(47, options));
}

TEST_CASE("values past the vocabulary are no speech", "[token2wav]") {
  Token2WavStream stream = small().start(voice(), {.noise = {.seed = 3}});
  std::vector<int> tokens = test::small_tokens(20, 60);
  tokens.insert(tokens.begin() + 7, small().vocabulary());
  tokens.insert(tokens.begin() + 2, 10 * small().vocabulary());
  stream.push_tokens(tokens);
  stream.finish();
  CHECK(render_all(small(), stream) == say(20, {.noise = {.seed = 3}}));
  CHECK_THROWS_AS(small().start(voice(), {}).push_tokens(std::vector<int>{-1}), std::invalid_argument);
}

TEST_CASE("the same seed gives the same speech and another one another", "[token2wav]") {
  const std::vector<float> once = say(30, {.noise = {.seed = 5}});
  CHECK(say(30, {.noise = {.seed = 5}}) == once);
  CHECK(say(30, {.noise = {.seed = 6}}) != once);
}

TEST_CASE("a stream sounds the same to the last bit whoever is rendered with it", "[token2wav]") {
  const StreamOptions options{.noise = {.seed = 5}, .chunks = {.tokens = {8, 12, 25}}};
  const std::vector<float> alone = say(50, options);
  Token2WavStream first = speech_of(50, options);
  Token2WavStream second = small().start(voice(33), {.noise = {.seed = 9}, .chunks = {.tokens = {10}}});
  second.push_tokens(test::small_tokens(90, 70));
  second.finish();
  std::vector<float> together;
  while (!first.finished()) {
    Token2WavStream* both[] = {&second, &first};
    const std::vector<SpeechChunk> chunks = small().render(both);
    together.insert(together.end(), chunks[1].pcm.begin(), chunks[1].pcm.end());
  }
  CHECK(together == alone);
}

TEST_CASE("a pass that throws leaves all its streams as they were", "[token2wav]") {
  const StreamOptions options{.noise = {.seed = 5}, .chunks = {.tokens = {8}}};
  const std::vector<float> undisturbed = say(40, options);
  Token2WavStream stream = speech_of(40, options);
  std::vector<float> pcm;
  while (!stream.finished()) {
    // its flow's noise is enough, its source's is not: the pass throws when all but the vocoder is done
    Token2WavStream broken =
        small().start(voice(), {.noise = {.source = {{1.0F}}}, .chunks = {.tokens = {8}}});
    broken.push_tokens(test::small_tokens(30, 61));
    Token2WavStream* both[] = {&stream, &broken};
    CHECK_THROWS_AS(small().render(both), std::invalid_argument);
    const SpeechChunk chunk = render_one(small(), stream);
    pcm.insert(pcm.end(), chunk.pcm.begin(), chunk.pcm.end());
  }
  CHECK(pcm == undisturbed);
}

TEST_CASE("a stream takes no memory before it speaks, and then always the same", "[token2wav]") {
  Token2WavStream stream = small().start(voice(), {.chunks = {.tokens = {8, 12, 25}}});
  CHECK(stream.bytes() == 0);
  stream.push_tokens(test::small_tokens(28, 60));
  render_one(small(), stream);
  const std::size_t bytes = stream.bytes();
  CHECK(bytes > 0);
  for (int i = 0; i < 30; ++i) {
    stream.push_tokens(test::small_tokens(25, 61));
    while (stream.chunk_ready()) render_one(small(), stream);
    CHECK(stream.bytes() == bytes);
  }
}

TEST_CASE("a bounded stream sees the prompt and the newest frames, and nothing before them", "[token2wav]") {
  // Two speeches that differ at the beginning and then are the same: once the beginning has left the caches
  // of all layers, the next chunks differ only by what the layers above still remember of it.
  auto mel_of = [](std::uint32_t seed) {
    Token2WavStream stream =
        small().start(voice(), {.noise = {.seed = 5}, .chunks = {.tokens = {25}}, .mel = true});
    stream.push_tokens(test::small_tokens(25, seed));
    for (int i = 0; i < 12; ++i) stream.push_tokens(test::small_tokens(25, 61));
    stream.finish();
    std::vector<std::vector<float>> mels;
    while (stream.chunk_ready()) mels.push_back(render_one(small(), stream).mel);
    return mels;
  };
  const auto one = mel_of(60), other = mel_of(90);
  auto difference = [&](std::size_t chunk) {
    double most = 0;
    for (std::size_t i = 0; i < one[chunk].size(); ++i)
      most = std::max(most, static_cast<double>(std::abs(one[chunk][i] - other[chunk][i])));
    return most;
  };
  CHECK(difference(0) > 0.1);
  CHECK(difference(one.size() - 1) < 0.01 * difference(0));
}

TEST_CASE("no click stands where chunks meet, though they grow", "[token2wav]") {
  const std::vector<int> tokens{8, 12, 25};
  const std::vector<float> pcm = say(120, {.noise = {.seed = 5}, .chunks = {.tokens = tokens}});
  // chunk boundaries in the emitted samples: each chunk but the last ends 160 ms early
  std::vector<std::size_t> meetings;
  std::size_t spoken = 0;
  for (const int size : {8, 12, 25, 25, 25}) {
    spoken += static_cast<std::size_t>(size * small().samples_per_token());
    meetings.push_back(spoken - held_back_samples);  // the fade begins
    meetings.push_back(spoken);                      // it ends: what no chunk before has made follows
  }
  // a click is a jump in the slope; the largest within 1 ms of a meeting against the largest elsewhere
  double at_meetings = 0, elsewhere = 0;
  for (std::size_t i = 1; i + 1 < pcm.size(); ++i) {
    const double bend = std::abs(pcm[i + 1] - 2 * pcm[i] + pcm[i - 1]);
    const bool meets =
        std::ranges::any_of(meetings, [&](std::size_t place) { return i + 24 > place && i < place + 24; });
    (meets ? at_meetings : elsewhere) = std::max(meets ? at_meetings : elsewhere, bend);
  }
  CHECK(at_meetings <= elsewhere);
}

TEST_CASE("the excitation goes on as one sine across calls", "[token2wav]") {
  const c10::InferenceMode inference;
  const Hift hift(weights::Weights::open(test::small_token2wav() / "hift.safetensors"), {});
  const at::Tensor f0 = 100 + 50 * test::formula_tensor(1, {40}, 1);
  const at::Tensor silence = at::zeros({40 * frame_samples, hift.harmonics()});
  at::Tensor turns = hift.no_turns();
  const at::Tensor whole = hift.m_source.continue_from(turns, f0, silence);
  at::Tensor turns_of_parts = hift.no_turns();
  std::vector<at::Tensor> parts;
  for (const auto& [first, end] : {std::pair{0, 16}, std::pair{16, 40}})
    parts.push_back(
        hift.m_source.continue_from(turns_of_parts, f0.slice(0, first, end),
                                    silence.slice(0, first * frame_samples, end * frame_samples)));
  const at::Tensor joined = at::cat(parts);
  // only the half frame before the cut differs, where the next pitch was not known
  const std::int64_t cut = 16 * frame_samples;
  CHECK((whole - joined).slice(0, 0, cut - frame_samples / 2).abs().max().item<double>() < 1e-5);
  const at::Tensor steps = joined.diff().abs();
  CHECK(steps.slice(0, cut - 2, cut + 2).max().item<double>() <= 1.05 * steps.max().item<double>());
  CHECK(steps.slice(0, cut - 10, cut + 10).max().item<double>() <=
        1.5 * whole.diff().abs().slice(0, cut - 2000, cut + 2000).max().item<double>());
}

TEST_CASE("a whole speech at once is as long as its tokens, too", "[token2wav]") {
  const SpeechChunk whole =
      small().offline(test::small_tokens(40, 60), test::small_prompt(20, 50), {.seed = 0});
  CHECK(whole.pcm.size() == static_cast<std::size_t>(40 * small().samples_per_token()));
  CHECK(whole.mel.size() == static_cast<std::size_t>(80 * small().mel_bins()));
}

TEST_CASE("without oneDNN the speech is the same but for rounding", "[token2wav]") {
  at::globalContext().setUserEnabledMkldnn(false);
  const Token2Wav plain = Token2Wav::load(test::small_token2wav(), {.threads = 2});
  const auto prompt = test::small_prompt(20, 50);
  const std::vector<int> tokens = test::small_tokens(30, 60);
  const SpeechChunk there = plain.offline(tokens, prompt, {.seed = 1});
  at::globalContext().setUserEnabledMkldnn(true);
  const SpeechChunk here = small().offline(tokens, prompt, {.seed = 1});
  CHECK((at::tensor(there.mel) - at::tensor(here.mel)).abs().max().item<double>() < 1e-4);
  CHECK((at::tensor(there.pcm) - at::tensor(here.pcm)).abs().max().item<double>() < 1e-3);
}

TEST_CASE("rows stacked to one batch, as on a GPU, give what rows give one by one", "[token2wav]") {
  // A crew for a GPU has no team; the tensors stay on the CPU here.
  const c10::InferenceMode inference;
  Crew team(at::kCPU, 2), alone(at::kCUDA, 0);
  REQUIRE_FALSE(alone.is_team());
  const Flow flow(FlowConfig::read(test::small_token2wav()),
                  weights::Weights::open(test::small_token2wav() / "flow.safetensors"), {});
  const auto first =
      flow.prepare(team, test::small_prompt(20, 50), Trim::bounded, 40, Lookahead::silence, {});
  const auto second =
      flow.prepare(team, test::small_prompt(33, 70), Trim::bounded, 40, Lookahead::prompt, {});
  auto mels = [&](Crew& crew) {
    std::vector<FlowStream> streams;
    for (const auto& voice : {first, second, first}) {
      const FlowNoise noise{.seed = streams.size(), .given = {}};
      streams.push_back(flow.start(voice, noise, /*largest_chunk=*/28));
    }
    std::vector<at::Tensor> all;
    for (std::uint32_t turn = 0; turn < 3; ++turn) {
      std::vector<FlowChunk> chunks(streams.size());
      for (std::size_t i = 0; i < streams.size(); ++i) {
        chunks[i].stream = &streams[i];
        chunks[i].tokens =
            test::small_tokens(i == 2 ? 11 : 28, 80 + turn);  // two of a length, one of another
      }
      flow.render(crew, chunks);
      for (FlowChunk& chunk : chunks) {
        all.push_back(chunk.mel);
        chunk.commit();
      }
    }
    return all;
  };
  const std::vector<at::Tensor> one_by_one = mels(team), stacked = mels(alone);
  for (std::size_t i = 0; i < stacked.size(); ++i)
    CHECK((stacked[i] - one_by_one[i]).abs().max().item<double>() < 1e-3);
}

TEST_CASE("until a cache is full, ours holds what the reference's that keeps everything holds",
          "[token2wav]") {
  auto mels = [](Trim trim) {
    const auto prepared = small().prepare(test::small_prompt(40, 50), {.trim = trim, .history_frames = 100});
    Token2WavStream stream = small().start(
        prepared, {.noise = {.seed = 5}, .chunks = {.tokens = {25}, .join_last = false}, .mel = true});
    stream.push_tokens(test::small_tokens(100, 60));
    std::vector<at::Tensor> all;
    while (stream.chunk_ready()) all.push_back(at::tensor(render_one(small(), stream).mel));
    return all;
  };
  // the third chunk sees 100 frames of the first two and the prompt, which lies apart from them in our caches
  const std::vector<at::Tensor> ours = mels(Trim::bounded), reference = mels(Trim::reference_up);
  REQUIRE(ours.size() == 3);
  for (std::size_t i = 0; i < ours.size(); ++i)
    CHECK((ours[i] - reference[i]).abs().max().item<double>() < 1e-4);
}

TEST_CASE("the estimator in bfloat16 speaks nearly the same mel frames", "[token2wav]") {
  const Token2Wav half = Token2Wav::load(test::small_token2wav(), {.threads = 2, .dit_dtype = "bfloat16"});
  const auto prompt = test::small_prompt(20, 50);
  const std::vector<int> tokens = test::small_tokens(30, 60);
  const std::vector<float> exact = small().offline(tokens, prompt, {.seed = 1}).mel;
  const std::vector<float> rounded = half.offline(tokens, prompt, {.seed = 1}).mel;
  double square = 0, power = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    square += std::pow(exact[i] - rounded[i], 2);
    power += std::pow(exact[i], 2);
  }
  CHECK(square > 0);
  CHECK(square < 1e-3 * power);
}

TEST_CASE("what does not fit the model is refused with a sentence", "[token2wav]") {
  using Catch::Matchers::ContainsSubstring;
  SpeakerPrompt prompt = test::small_prompt(20, 50);
  prompt.embedding.pop_back();
  CHECK_THROWS_WITH(small().prepare(prompt, {}), ContainsSubstring("this model takes 12"));
  prompt = test::small_prompt(20, 50);
  prompt.mel.pop_back();
  CHECK_THROWS_WITH(small().prepare(prompt, {}), ContainsSubstring("2 frames of 80 values"));
  CHECK_THROWS_WITH(Token2Wav::load(test::small_token2wav(), {.dit_dtype = "float8"}),
                    ContainsSubstring("use float32 or bfloat16"));
  const test::TemporaryFolder empty;
  CHECK_THROWS_WITH(Token2Wav::load(empty.path(), {}), ContainsSubstring("flow.safetensors"));
  Token2WavStream twice = speech_of(20, {});
  Token2WavStream* both[] = {&twice, &twice};
  CHECK_THROWS_WITH(small().render(both), ContainsSubstring("twice"));
  Token2WavStream waiting = small().start(voice(), {});
  CHECK_THROWS_AS(render_one(small(), waiting), std::logic_error);
}
