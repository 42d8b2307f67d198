// Chunks in fixed buffers against the same chunks in the streams' own caches, which the other tests hold
// against the reference.
#include "engine/models/step_audio_2/token2wav/fixed_solver.hpp"

#include <ATen/Parallel.h>

#include <limits>

#include "engine/cuda/device.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav_parts.hpp"
#include "test/engine/models/step_audio_2/token2wav/small_token2wav.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using at::Tensor;

namespace {

struct SmallFlow {
  SmallFlow()
      : crew(at::kCPU, 2),
        flow(FlowConfig::read(test::small_token2wav()),
             weights::Weights::open(test::small_token2wav() / "flow.safetensors"), {}) {}

  std::shared_ptr<const FlowVoice> voice(const SpeakerPrompt& prompt, int history) {
    return flow.prepare(crew, prompt, Trim::bounded, history, Lookahead::silence, {});
  }

  Crew crew;
  Flow flow;
};

SmallFlow& small_flow() {
  static SmallFlow loaded = [] {
    at::set_num_threads(1);
    const c10::InferenceMode inference;
    return SmallFlow();
  }();
  return loaded;
}

// Stands for a GPU: what is captured is done again with each replay.
class RememberingDevice final : public cuda::Device {
 public:
  std::string description() const override { return "no GPU"; }
  void use_on_this_thread() override {}
  void release_unused_memory() override {}
  std::unique_ptr<cuda::Event> mark() override { return nullptr; }
  std::unique_ptr<cuda::Graph> capture(const std::function<void()>& work) override {
    ++captures;
    if (!can_capture) return nullptr;
    return std::make_unique<Remembered>(*this, work);
  }

  bool can_capture = true;
  int captures = 0, replays = 0;

 private:
  struct Remembered final : cuda::Graph {
    Remembered(RememberingDevice& on_, std::function<void()> work_) : on(on_), work(std::move(work_)) {}
    void replay() override {
      ++on.replays;
      work();
    }
    RememberingDevice& on;
    std::function<void()> work;
  };
};

// A stream's part in a pass.
struct Part {
  std::size_t stream;
  int tokens;  // the look-ahead's included
  bool last = false;
};

// Some streams, which are rendered in their own caches or by a fixed solver.
class Speeches {
 public:
  explicit Speeches(FixedSolver* fixed = nullptr) : fixed_(fixed) {}

  void start(std::shared_ptr<const FlowVoice> voice, std::vector<float> noise = {}) {
    FlowNoise from{.seed = streams_.size(), .given = {}};
    if (!noise.empty()) from.given = at::tensor(noise).unflatten(0, {-1, 80});
    streams_.push_back(small_flow().flow.start(std::move(voice), std::move(from), /*largest_chunk=*/28));
    said_.push_back(0);
  }

  // commit: or else the pass counts as one that has thrown after all
  std::vector<Tensor> render(const std::vector<Part>& parts, bool commit = true) {
    const c10::InferenceMode inference;
    std::vector<FlowChunk> chunks(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t stream = parts[i].stream;
      chunks[i].stream = &streams_[stream];
      chunks[i].tokens =
          test::small_tokens(parts[i].tokens, 100 * static_cast<std::uint32_t>(stream) + said_[stream]);
      chunks[i].last = parts[i].last;
    }
    small_flow().flow.render(small_flow().crew, chunks, fixed_);
    std::vector<Tensor> mels;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      mels.push_back(chunks[i].mel);
      if (!commit) continue;
      chunks[i].commit();
      ++said_[parts[i].stream];
    }
    return mels;
  }

 private:
  FixedSolver* fixed_;
  std::vector<FlowStream> streams_;
  std::vector<std::uint32_t> said_;  // chunks of each
};

double difference(const Tensor& one, const Tensor& other) {
  REQUIRE(one.sizes() == other.sizes());
  return (one - other).abs().max().item<double>();  // NaN where there is one
}

// The same streams both ways.
class BothWays {
 public:
  explicit BothWays(cuda::Device* device = nullptr)
      : solver(small_flow().flow.solver(), device), own_caches_(), fixed_(&solver) {}

  void start(const std::shared_ptr<const FlowVoice>& voice) {
    own_caches_.start(voice);
    fixed_.start(voice);
  }

  void check(const std::vector<Part>& parts) {
    const std::vector<Tensor> expected = own_caches_.render(parts), mels = fixed_.render(parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      INFO("stream " << parts[i].stream << ", " << parts[i].tokens << " tokens of " << parts.size()
                     << " streams");
      CHECK(difference(mels[i], expected[i]) < 1e-4);
    }
  }

  FixedSolver solver;

 private:
  Speeches own_caches_, fixed_;
};

std::shared_ptr<const FlowVoice> short_voice() {
  static const auto voice = small_flow().voice(test::small_prompt(20, 50), 40);
  return voice;
}

std::shared_ptr<const FlowVoice> long_voice() {
  static const auto voice = small_flow().voice(test::small_prompt(47, 70), 60);
  return voice;
}

std::vector<float> no_numbers(int frames) {
  return std::vector<float>(static_cast<std::size_t>(frames) * 80, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

TEST_CASE("in fixed buffers streams speak as in their own caches, whatever their voices, ages and chunks",
          "[token2wav]") {
  BothWays both;
  for (const auto& voice : {short_voice(), long_voice(), short_voice(), long_voice(), short_voice()})
    both.start(voice);
  both.check({{0, 11}});                                     // an empty history
  both.check({{0, 15}, {1, 11}});                            // 24 frames and 16, behind 16 and none
  both.check({{0, 28}, {1, 28}, {2, 11}});                   // of which one is filled up from 16 to 50
  both.check({{3, 11}, {0, 28}, {1, 28}, {4, 4}, {2, 15}});  // in two groups
  for (int turn = 0; turn < 4; ++turn)                       // the rings of history go round
    both.check({{0, 28}, {1, 28}, {2, 28}, {3, 28}, {4, 28}});
  both.check({{2, 28}});  // at a place that was another's
  both.check({{0, 28, true}, {1, 1, true}, {2, 7, true}, {3, 25, true}, {4, 28}});
  both.check({{4, 3, true}});
}

TEST_CASE("fixed buffers grow for a longer prompt, a longer history, more streams and longer chunks",
          "[token2wav]") {
  BothWays both;
  std::size_t bytes = 0;
  const auto grown = [&] { return std::exchange(bytes, both.solver.bytes()) < both.solver.bytes(); };
  both.start(short_voice());
  both.check({{0, 28}});
  CHECK(grown());
  both.start(small_flow().voice(test::small_prompt(40, 90), 40));  // 80 frames
  both.check({{1, 28}});
  CHECK(grown());
  both.check({{0, 28}});
  CHECK_FALSE(grown());
  both.start(long_voice());  // 60 frames of history
  both.check({{2, 28}});
  CHECK(grown());
  both.check({{0, 28}, {1, 28}});
  CHECK(grown());
  both.check({{0, 28}, {1, 28}, {2, 28}});
  CHECK(grown());
  both.check({{2, 43}});
  CHECK(grown());
  both.check({{1, 28}, {2, 28}, {0, 28}});
  CHECK_FALSE(grown());
}

TEST_CASE("a stream in fixed buffers does not hear its neighbours", "[token2wav]") {
  FixedSolver one(small_flow().flow.solver(), nullptr), other(small_flow().flow.solver(), nullptr);
  Speeches alone(&one), among(&other);
  for (Speeches* speeches : {&alone, &among}) speeches->start(short_voice());
  for (int i = 0; i < 3; ++i) among.start(long_voice());
  for (int turn = 0; turn < 4; ++turn) {
    const Tensor expected = alone.render({{0, 28}}).front();
    const auto mels = among.render({{1, 28}, {2, 11}, {0, 28}, {3, turn < 2 ? 28 : 40}});
    CHECK(difference(mels[2], expected) < 1e-5);
  }
}

TEST_CASE("a pass in fixed buffers that comes to nothing leaves its streams as they were", "[token2wav]") {
  FixedSolver solver(small_flow().flow.solver(), nullptr);
  Speeches undisturbed, disturbed(&solver);
  for (Speeches* speeches : {&undisturbed, &disturbed})
    for (const auto& voice : {short_voice(), long_voice()}) speeches->start(voice);
  for (const int tokens : {11, 28, 28, 15}) {
    disturbed.render({{0, 28}, {1, tokens}}, /*commit=*/false);
    const auto expected = undisturbed.render({{0, tokens}, {1, 28}});
    const auto mels = disturbed.render({{0, tokens}, {1, 28}});
    for (std::size_t i = 0; i < mels.size(); ++i) CHECK(difference(mels[i], expected[i]) < 1e-4);
  }
}

TEST_CASE("what is not a number stays with the stream that says it", "[token2wav]") {
  // A broken stream of a broken voice first, which leaves such numbers everywhere in the buffers.
  SpeakerPrompt prompt = test::small_prompt(60, 30);
  prompt.mel.assign(prompt.mel.size(), std::numeric_limits<float>::quiet_NaN());
  const auto broken_voice = small_flow().voice(prompt, 60);
  REQUIRE(broken_voice->dit_prompt.keys.isnan().any().item<bool>());
  FixedSolver solver(small_flow().flow.solver(), nullptr);
  Speeches fixed(&solver), own_caches;
  for (Speeches* speeches : {&fixed, &own_caches}) {
    speeches->start(short_voice());
    speeches->start(broken_voice, no_numbers(400));
    speeches->start(long_voice(), no_numbers(400));
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto broken = fixed.render({{1, 28}, {2, 28}, {1, 28}, {2, 40}});
    CHECK(broken[0].isnan().all().item<bool>());
  }
  for (const int tokens : {11, 28, 15, 28, 28}) {
    const Tensor expected = own_caches.render({{0, tokens}}).front();
    CHECK(difference(fixed.render({{2, 28}, {0, tokens}, {1, 28}})[1], expected) < 1e-4);
  }
  own_caches.start(short_voice());
  fixed.start(short_voice());
  for (const int tokens : {11, 28}) {
    const Tensor expected = own_caches.render({{3, tokens}}).front();
    CHECK(difference(fixed.render({{3, tokens}}).front(), expected) < 1e-4);
  }
}

TEST_CASE("a pass of a size is captured the first time and replayed from then on", "[token2wav]") {
  RememberingDevice device;
  BothWays both(&device);
  for (int i = 0; i < 5; ++i) both.start(long_voice());
  both.check({{0, 28}, {1, 28}, {2, 28}, {3, 28}, {4, 28}});  // four and one
  CHECK(device.captures == 2);
  CHECK(device.replays == 0);
  both.check({{3, 28}, {0, 26}, {1, 28}});
  CHECK(device.replays == 1);
  both.check({{2, 28}});
  CHECK(device.captures == 2);
  CHECK(device.replays == 2);
  both.check({{0, 11}});  // another length
  both.check({{0, 28}, {1, 28}});
  CHECK(device.captures == 4);
  both.start(small_flow().voice(test::small_prompt(70, 70), 60));  // graphs of smaller buffers are of no use
  both.check({{5, 28}});
  both.check({{0, 28}});
  CHECK(device.captures == 5);
  CHECK(device.replays == 3);
}

TEST_CASE("a pass that cannot be captured is computed each time, and captured once only", "[token2wav]") {
  RememberingDevice device;
  device.can_capture = false;
  BothWays both(&device);
  both.start(short_voice());
  for (int turn = 0; turn < 3; ++turn) both.check({{0, 28}});
  CHECK(device.captures == 1);
  CHECK(device.replays == 0);
}

TEST_CASE("what is too long for fixed buffers is rendered without", "[token2wav]") {
  BothWays both;
  both.start(short_voice());
  both.check({{0, 28}});
  const std::size_t bytes = both.solver.bytes();
  both.check({{0, 70}});
  both.start(small_flow().voice(test::small_prompt(520, 70), 40));
  both.check({{0, 28}, {1, 28}});
  CHECK(both.solver.bytes() == bytes);
  both.check({{0, 28}});
}

TEST_CASE("speech is the same in fixed buffers, to its last chunk", "[token2wav]") {
  at::set_num_threads(1);
  const Token2Wav plain = Token2Wav::load(test::small_token2wav(), {.threads = 2});
  const Token2Wav fixed = Token2Wav::load(test::small_token2wav(), {.threads = 2, .graphs = true});
  const auto speak = [](const Token2Wav& token2wav, Trim trim) {
    const auto voice = token2wav.prepare(test::small_prompt(20, 50), {.trim = trim, .history_frames = 40});
    std::vector<Token2WavStream> streams;
    for (std::uint32_t i = 0; i < 3; ++i) {
      streams.push_back(token2wav.start(voice, {.noise = {.seed = i}, .mel = true}));
      streams.back().push_tokens(test::small_tokens(90 + 20 * static_cast<int>(i), 60 + i));
      streams.back().finish();
    }
    std::vector<SpeechChunk> speech;
    while (true) {
      std::vector<Token2WavStream*> ready;
      for (Token2WavStream& stream : streams)
        if (stream.chunk_ready()) ready.push_back(&stream);
      if (ready.empty()) return speech;
      for (SpeechChunk& chunk : token2wav.render(ready)) speech.push_back(std::move(chunk));
    }
  };
  const Trim trim = GENERATE(Trim::bounded, Trim::reference_py);
  const auto expected = speak(plain, trim), speech = speak(fixed, trim);
  REQUIRE(speech.size() == expected.size());
  for (std::size_t i = 0; i < speech.size(); ++i) {
    CHECK(difference(at::tensor(speech[i].mel), at::tensor(expected[i].mel)) < 1e-4);
    CHECK(difference(at::tensor(speech[i].pcm), at::tensor(expected[i].pcm)) < 1e-4);
  }
}
