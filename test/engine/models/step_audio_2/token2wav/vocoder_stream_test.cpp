#include "engine/models/step_audio_2/token2wav/vocoder_stream.hpp"

#include <stdexcept>

#include "test/engine/models/step_audio_2/token2wav/small_token2wav.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using at::Tensor;

namespace {

const Hift& small_hift() {
  static const Hift loaded = [] {
    const c10::InferenceMode inference;
    return Hift(weights::Weights::open(test::small_token2wav() / "hift.safetensors"), {});
  }();
  return loaded;
}

// What a vocoder that makes `speech` of so many new frames hands the stream.
Hift::Job made(const VocoderStream& stream, int frames, const Tensor& speech) {
  Hift::Job job = stream.job(at::zeros({frames, 80}), small_hift().harmonics());
  job.source = at::zeros_like(speech);
  job.speech = speech;
  return job;
}

// The samples that a stream sends when chunk after chunk comes from `speech`, which gives those from a sample
// on.
template <typename Speech>
Tensor sent(VocoderStream stream, const std::vector<int>& chunks, const Speech& speech) {
  std::vector<Tensor> all;
  std::int64_t frames = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const std::int64_t first = i == 0 ? 0 : frames - held_back_frames;
    frames += chunks[i];
    auto change =
        stream.finish(made(stream, chunks[i], speech(i, first * frame_samples, frames * frame_samples)),
                      i + 1 == chunks.size());
    all.push_back(change.samples);
    stream.commit(std::move(change));
  }
  return at::cat(all);
}

VocoderStream new_stream(bool as_reference) { return {{}, as_reference, small_hift().no_turns()}; }

}  // namespace

TEST_CASE("chunks that agree where they overlap join to what they are parts of", "[token2wav][vocoder]") {
  const c10::InferenceMode inference;
  const std::vector<int> chunks{16, 24, 50, 6};
  const Tensor whole = at::sin(at::arange(96 * frame_samples, at::kFloat) * 0.05);
  const Tensor joined = sent(
      new_stream(false), chunks,
      [&](std::size_t, std::int64_t first, std::int64_t end) { return whole.slice(0, first, end).clone(); });
  REQUIRE(joined.sizes() == whole.sizes());
  CHECK((joined - whole).abs().max().item<double>() < 1e-6);
}

TEST_CASE("where chunks disagree one goes over into the other without a step", "[token2wav][vocoder]") {
  const c10::InferenceMode inference;
  const Tensor joined =
      sent(new_stream(false), {16, 24, 50}, [](std::size_t chunk, std::int64_t first, std::int64_t end) {
        return at::full({end - first}, static_cast<double>(chunk));
      });
  CHECK(joined[0].item<double>() == 0);
  CHECK(joined[-1].item<double>() == 2);
  CHECK(joined.diff().max().item<double>() < 2.0 / held_back_samples);
  CHECK(joined.diff().min().item<double>() >= -1e-6);
}

TEST_CASE("the reference's windows add up to 1.08", "[token2wav][vocoder]") {
  const c10::InferenceMode inference;
  const Tensor joined =
      sent(new_stream(true), {16, 24},
           [](std::size_t, std::int64_t first, std::int64_t end) { return at::ones({end - first}); });
  const Tensor fade = joined.slice(0, 8 * frame_samples, 16 * frame_samples);
  CHECK(fade.min().item<double>() > 1.0797);
  CHECK(fade.max().item<double>() < 1.0801);
  CHECK(joined.slice(0, 16 * frame_samples).max().item<double>() == 1);
}

TEST_CASE("the excitation has no step where a chunk's new part begins, and the reference's has",
          "[token2wav][vocoder]") {
  const c10::InferenceMode inference;
  const bool as_reference = GENERATE(false, true);
  // one voiced frame again and again: steps where a voice sets in would be larger than the one looked for
  const Tensor frames_of_speech = test::reference_tensor("offline.mel");
  const auto voiced = test::reference_tensor("vocoder.f0").argmax().item<std::int64_t>();
  const Tensor mel = frames_of_speech[voiced].unsqueeze(0).expand({38, -1});
  SourceNoise silent;
  for (const int frames : {16, 30})
    silent.given.emplace_back(static_cast<std::size_t>(frames * frame_samples * small_hift().harmonics()),
                              0.0F);
  VocoderStream stream(silent, as_reference, small_hift().no_turns());
  Crew crew(at::kCPU, 1);
  Tensor source;
  for (const auto& [first, end] : {std::pair{0, 16}, std::pair{16, 38}}) {
    Hift::Job job = stream.job(mel.slice(0, first, end), small_hift().harmonics());
    small_hift().run(crew, {&job, 1});
    source = job.source;
    stream.commit(stream.finish(job, false));
  }
  const double largest = source.slice(0, 0, held_back_samples).diff().abs().max().item<double>();
  const double junction =
      source.slice(0, held_back_samples - 1, held_back_samples + 1).diff().abs().item<double>();
  CHECK((junction > 2 * largest) == as_reference);
}

TEST_CASE("a first chunk shorter than what is held back is refused", "[token2wav][vocoder]") {
  const c10::InferenceMode inference;
  const VocoderStream stream = new_stream(false);
  const Tensor speech = at::zeros({6 * frame_samples});
  CHECK_THROWS_AS(stream.finish(made(stream, 6, speech), /*last=*/false), std::invalid_argument);
  CHECK(stream.finish(made(stream, 6, speech), /*last=*/true).samples.size(0) == 6 * frame_samples);
}
