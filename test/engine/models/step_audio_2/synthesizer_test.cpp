// That the sound is the reference's is held by test/system/step_audio_2_chain_test.py.
#include "engine/models/step_audio_2/synthesizer.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>

#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley {
namespace {

using namespace step_audio_2;
using Catch::Matchers::ContainsSubstring;

const Voices& voices() {
  static const Voices loaded = Voices::load(weights::Bundle::open(test::tiny_step_audio_2()), {.threads = 2});
  return loaded;
}

std::vector<int> tokens(int count) {
  std::vector<int> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(i * 997 % 6561);
  return tokens;
}

}  // namespace

TEST_CASE("a token is 40 ms of sound, however it is rendered", "[step_audio_2][synthesizer]") {
  for (const int count : {1, 3, 28, 60}) {
    for (const bool streaming : {false, true}) {
      for (const Trim trim : {Trim::bounded, Trim::reference_py, Trim::reference_up}) {
        INFO(count << " tokens, streaming " << streaming);
        SynthesizeSettings settings;
        settings.streaming = streaming;
        settings.trim = trim;
        const Synthesized speech = synthesize(voices(), tokens(count), "default_male", settings);
        CHECK(speech.pcm.size() == static_cast<std::size_t>(count) * 960);
        CHECK(speech.mel.size() == static_cast<std::size_t>(count) * 2 * 80);
        CHECK(std::ranges::all_of(speech.pcm, [](float sample) { return std::abs(sample) <= 0.99F; }));
      }
    }
  }
}

TEST_CASE("padding is not spoken, and nonsense is refused", "[step_audio_2][synthesizer]") {
  const std::vector<int> padded{5, 6561, 6, 6561};
  CHECK(synthesize(voices(), padded, "", {}).pcm.size() == 2 * 960);
  const std::vector<int> negative{5, -1};
  CHECK_THROWS_WITH(synthesize(voices(), negative, "", {}), ContainsSubstring("-1"));
  CHECK_THROWS_WITH(synthesize(voices(), {}, "", {}), ContainsSubstring("no audio token"));
  CHECK_THROWS_WITH(synthesize(voices(), tokens(2), "nobody", {}),
                    ContainsSubstring("nobody") && ContainsSubstring("default_female"));
}

TEST_CASE("a recording is a voice as good as the bundle's", "[step_audio_2][synthesizer]") {
  const auto recording = test::tiny_step_audio_2() / "voices/default_female.wav";
  CHECK(synthesize(voices(), tokens(6), recording.string(), {}).pcm ==
        synthesize(voices(), tokens(6), "default_female", {}).pcm);
}

TEST_CASE("noise that is given is what is heard, and a wrong file is told", "[step_audio_2][synthesizer]") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "noise.safetensors";
  const std::vector<float> flow(80 * 500), source(480 * 20 * 9);
  const auto write = [&](const std::vector<std::int64_t>& shape) {
    weights::write_safetensors(
        file,
        {{"cfm_noise", {weights::Dtype::f32, shape, std::as_bytes(std::span(flow))}},
         {"source_noise.0", {weights::Dtype::f32, {1, 480 * 20, 9}, std::as_bytes(std::span(source))}}});
  };
  write({1, 80, 500});
  SynthesizeSettings given;
  given.noise = read_noise(file);
  CHECK(given.noise.flow.size() == 80 * 500);
  const auto quiet = synthesize(voices(), tokens(10), "", given).pcm;
  CHECK(quiet == synthesize(voices(), tokens(10), "", given).pcm);
  CHECK(quiet != synthesize(voices(), tokens(10), "", {}).pcm);
  write({80, 500});
  CHECK_THROWS_WITH(read_noise(file), ContainsSubstring("cfm_noise") && ContainsSubstring("[80, 500]"));
}

}  // namespace parley
