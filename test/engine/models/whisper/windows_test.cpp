#include "engine/models/whisper/windows.hpp"

#include "test/support/catch.hpp"

using namespace parley::whisper;

namespace {

constexpr std::size_t mels = 4;

// `frames` of speech at level 0 with silence at `from` .. `to`.
std::vector<float> speech_with_pause(std::size_t frames, std::size_t from, std::size_t to) {
  std::vector<float> spectrum(frames * mels, 0.0F);
  std::fill(spectrum.begin() + static_cast<std::ptrdiff_t>(from * mels),
            spectrum.begin() + static_cast<std::ptrdiff_t>(to * mels), -5.0F);
  return spectrum;
}

}  // namespace

TEST_CASE("utterances of similar length share the length of their pass", "[engine][whisper]") {
  CHECK(rounded_positions(300, 1500) == rounded_positions(340, 1500));
  CHECK(rounded_positions(3000, 1500) == 1500);
  for (std::size_t frames = 1; frames < 3000; ++frames) {
    const int positions = rounded_positions(frames, 1500);
    CHECK(2 * positions >= std::min<int>(static_cast<int>(frames) + 20, 3000));
    CHECK((positions % 16 == 0 || positions == 1500));
  }
}

TEST_CASE("what fits into one window is not cut", "[engine][whisper]") {
  CHECK(window_end(speech_with_pause(3000, 100, 200), mels, 0, 3000) == 3000);
  CHECK(window_end(speech_with_pause(3500, 100, 200), mels, 600, 3000) == 3500);
}

TEST_CASE("long speech is cut in the middle of its longest pause in reach", "[engine][whisper]") {
  CHECK(window_end(speech_with_pause(9000, 2500, 2540), mels, 0, 3000) == Approx(2520).margin(11));
  CHECK(window_end(speech_with_pause(9000, 4500, 4540), mels, 2000, 3000) == Approx(4520).margin(11));
}

TEST_CASE("speech without any pause is cut all the same", "[engine][whisper]") {
  std::vector<float> spectrum(20000 * mels, 0.0F);
  std::size_t first = 0, windows = 0;
  for (; first < 20000; ++windows) {
    const std::size_t end = window_end(spectrum, mels, first, 3000);
    REQUIRE(end > first);
    REQUIRE(end - first <= 3000);
    first = end;
  }
  CHECK(windows <= 10);
}
