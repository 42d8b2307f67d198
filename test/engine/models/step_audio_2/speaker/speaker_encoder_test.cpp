#include "engine/models/step_audio_2/speaker/speaker_encoder.hpp"

#include <ATen/Parallel.h>

#include <numeric>

#include "test/engine/models/step_audio_2/speaker/formula_checkpoint.hpp"
#include "test/engine/models/step_audio_2/speaker/token_agreement.hpp"
#include "test/support/recordings.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using test::speaker_reference;

namespace {

class SmallSpeaker : public test::TemporaryFolder {
 public:
  explicit SmallSpeaker(const std::string& left_out = "") {
    at::set_num_threads(1);
    test::write_formula_checkpoint("s3_small", path() / "s3_tokenizer.safetensors", left_out);
    test::write_formula_checkpoint("campplus", path() / "campplus.safetensors", left_out);
  }
  SpeakerEncoder load() const { return SpeakerEncoder::load(path(), {.threads = 2, .device = "cpu"}); }
};

// Two recordings of 16 kHz as the channels of one, at whatever rate.
audio_file::Sound stereo(int rate_hz) {
  std::vector<float> first = test::raw_pcm("something.raw");
  std::vector<float> second = test::raw_pcm("goforward.raw");
  first.resize(second.size());
  return {.rate_hz = rate_hz, .channels = {first, second}};
}

audio_file::Sound mono(std::size_t samples, int rate_hz) {
  return {.rate_hz = rate_hz, .channels = {formula_values(1, samples, 0.5F)}};
}

}  // namespace

TEST_CASE("a recording of two channels makes the reference's prompt", "[step_audio_2][speaker]") {
  const SmallSpeaker folder;
  const SpeakerEncoder encoder = folder.load();
  for (const int rate_hz : {22050, 48000}) {
    INFO(rate_hz);
    const std::string reference = "prompt." + std::to_string(rate_hz);
    const SpeakerPrompt prompt = encoder.encode(stereo(rate_hz));
    test::check_tokens(prompt.tokens, speaker_reference(reference + ".levels"),
                       speaker_reference<int>(reference + ".tokens"), 1e-3F);
    CHECK(test::largest_difference(prompt.embedding, speaker_reference(reference + ".embedding")) < 2e-4F);

    const auto frames = static_cast<std::size_t>(speaker_reference<int>(reference + ".mel_frames")[0]);
    REQUIRE(prompt.mel.size() == frames * 80);
    REQUIRE(frames == 2 * prompt.tokens.size());
    std::vector<float> kept = test::kept_frames(prompt.mel, 80);
    kept.insert(kept.end(), prompt.mel.end() - std::ptrdiff_t{3 * 80}, prompt.mel.end());
    CHECK(test::largest_difference(kept, speaker_reference(reference + ".mel")) < 1e-4F);
  }
}

TEST_CASE("the levels are what the tokens are made of", "[step_audio_2][speaker]") {
  const SmallSpeaker folder;
  const SpeakerEncoder encoder = folder.load();
  const std::vector<float> pcm = test::raw_pcm("something.raw");
  CHECK(test::largest_difference(encoder.token_levels_of(pcm), speaker_reference("s3_small.levels")) < 1e-4F);
  test::check_tokens(encoder.tokens_of(pcm), encoder.token_levels_of(pcm),
                     speaker_reference<int>("s3_small.tokens"), 1e-4F);
}

TEST_CASE("the shortest and the longest recording make a prompt", "[step_audio_2][speaker]") {
  const SmallSpeaker folder;
  const SpeakerEncoder encoder = folder.load();
  const SpeakerPrompt shortest = encoder.encode(mono(800, 16000));
  CHECK(shortest.tokens.size() == 2);
  CHECK(shortest.mel.size() == 4 * 80);
  for (float value : shortest.embedding) CHECK(std::isfinite(value));
  const SpeakerPrompt longest = encoder.encode(mono(240000, 8000));
  CHECK(longest.tokens.size() == 750);
  CHECK(longest.mel.size() == 1500 * 80);
}

TEST_CASE("a recording that cannot be a prompt is refused in a sentence", "[step_audio_2][speaker]") {
  using Catch::Matchers::ContainsSubstring;
  const SmallSpeaker folder;
  const SpeakerEncoder encoder = folder.load();
  CHECK_THROWS_WITH(encoder.encode(mono(799, 16000)),
                    ContainsSubstring("too short; it must last 0.05 to 30 s"));
  CHECK_THROWS_WITH(encoder.encode(mono(480001, 16000)), ContainsSubstring("too long"));
  CHECK_THROWS_WITH(encoder.encode({.rate_hz = 16000, .channels = {}}), ContainsSubstring("0 channels"));
  CHECK_THROWS_WITH(encoder.encode({.rate_hz = 0, .channels = {{0.0F}}}), ContainsSubstring("0 Hz"));
  CHECK_THROWS_WITH(encoder.encode({.rate_hz = 100, .channels = {std::vector<float>(100), {0.0F}}}),
                    ContainsSubstring("equally long"));
}

TEST_CASE("a speaker folder that does not fit is told in a sentence", "[step_audio_2][speaker]") {
  using Catch::Matchers::ContainsSubstring;
  for (const std::string name : {"encoder.blocks.1.attn.fsmn_block.weight", "xvector.dense.bias"})
    CHECK_THROWS_WITH(SmallSpeaker(name).load(), ContainsSubstring(name));
  CHECK_THROWS_WITH(SmallSpeaker("encoder.conv1.weight").load(), ContainsSubstring("encoder.conv1.weight"));
  const test::TemporaryFolder empty;
  CHECK_THROWS_WITH(SpeakerEncoder::load(empty.path(), {}), ContainsSubstring("s3_tokenizer.safetensors"));
  CHECK_THROWS_WITH(SpeakerEncoder::load(empty.path(), {.threads = 1, .device = "quantum"}),
                    ContainsSubstring("\"quantum\""));
}
