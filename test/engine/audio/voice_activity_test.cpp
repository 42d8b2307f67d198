#include "engine/audio/voice_activity.hpp"

#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"

using namespace parley;
using audio::VoiceActivity;
using audio::VoiceActivityNet;

namespace {

const std::filesystem::path folder = PARLEY_SOURCE_DIR "/.deps/starter/vad";

std::vector<float> probabilities(VoiceActivity& stream, const std::vector<float>& pcm) {
  std::vector<float> all;
  for (std::size_t at = 0; at + VoiceActivity::window_samples <= pcm.size();
       at += VoiceActivity::window_samples)
    all.push_back(stream.probability(
        std::span<const float, VoiceActivity::window_samples>(&pcm[at], VoiceActivity::window_samples)));
  return all;
}

}  // namespace

TEST_CASE("speech probabilities are those of Silero's network in PyTorch", "[engine][audio]") {
  VoiceActivity stream(VoiceActivityNet::load(folder));
  std::vector<float> found = probabilities(stream, test::raw_pcm("goforward.raw"));

  std::ifstream reference(PARLEY_SOURCE_DIR "/test/parity/voice_activity/probabilities.txt");
  std::vector<float> expected{std::istream_iterator<float>(reference), {}};
  REQUIRE(expected.size() > 50);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-4F);
}

TEST_CASE("a stream that was reset judges as a new one", "[engine][audio]") {
  auto net = VoiceActivityNet::load(folder);
  std::vector<float> speech = test::raw_pcm("goforward.raw");
  VoiceActivity stream(net);
  std::vector<float> first = probabilities(stream, speech);
  stream.reset();
  CHECK(probabilities(stream, speech) == first);
}

TEST_CASE("weights that are not there are refused with a sentence", "[engine][audio]") {
  CHECK_THROWS_AS(VoiceActivityNet::load("/nowhere"), std::runtime_error);
}
