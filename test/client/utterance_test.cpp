#include "client/utterance.hpp"

#include <cmath>

#include "protocol/opus/decoder.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

namespace {

// `sound_ms` of a tone, then `silence_ms` of near silence.
std::vector<float> tone_then_silence(int sound_ms, int silence_ms = 0) {
  std::vector<float> pcm;
  for (int i = 0; i < sound_ms * 24; ++i) pcm.push_back(0.5F * std::sin(static_cast<float>(i) * 0.06F));
  pcm.resize(pcm.size() + static_cast<std::size_t>(silence_ms) * 24, 0.0005F);
  return pcm;
}

}  // namespace

TEST_CASE("a recording becomes packets of 20 ms, the last one filled up", "[client]") {
  const client::Utterance utterance(tone_then_silence(1010));
  CHECK(utterance.packets() == 51);
  CHECK(utterance.end_of_speech() == 51);
}

TEST_CASE("speech ends where the recording falls silent", "[client]") {
  const client::Utterance utterance(tone_then_silence(1000, 300));
  CHECK(utterance.packets() == 65);
  CHECK(utterance.end_of_speech() == 50);
}

TEST_CASE("what follows the recording is silence, however long it takes", "[client]") {
  const client::Utterance utterance(tone_then_silence(500));
  protocol::opus::Decoder decoder(16'000);
  std::vector<float> pcm;
  for (std::size_t i = 0; i < utterance.packets() + 500; ++i)
    REQUIRE(decoder.decode(utterance.packet(i), pcm));
  CHECK(pcm.size() == (25U + 500U) * 320U);
  const auto loudest = [&](std::size_t from, std::size_t to) {
    float most = 0;
    for (std::size_t i = from; i < to; ++i) most = std::max(most, std::abs(pcm[i]));
    return most;
  };
  CHECK(loudest(1600, 8000) > 0.3F);
  CHECK(loudest(8000 + 1600, pcm.size()) < 0.001F);
}

TEST_CASE("a recording without sound is refused", "[client]") {
  CHECK_THROWS_WITH(client::Utterance({}), ContainsSubstring("without sound"));
  CHECK_THROWS_WITH(client::Utterance(std::vector<float>(2400, 0.0F)), ContainsSubstring("silence"));
}
