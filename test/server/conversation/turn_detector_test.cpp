#include "server/conversation/turn_detector.hpp"

#include <initializer_list>

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

using Change = SpeechChange::Kind;
constexpr AudioPosition window = 512;

// Feeds windows of 32 ms and gathers what the detector tells.
struct Microphone {
  TurnDetector detector;
  AudioPosition end = 0;
  std::vector<SpeechChange> told;

  explicit Microphone(TurnDetectorSettings settings = {}) : detector(settings) {}

  Microphone& windows(int count, float probability) {
    for (int i = 0; i < count; ++i) {
      auto changes = detector.on_window(probability, end, end + window);
      end += window;
      told.insert(told.end(), changes.begin(), changes.end());
    }
    return *this;
  }
  Microphone& probabilities(std::initializer_list<float> values) {
    for (float value : values) windows(1, value);
    return *this;
  }
  std::vector<Change> kinds() const {
    std::vector<Change> kinds;
    for (const auto& change : told) kinds.push_back(change.kind);
    return kinds;
  }
};

TEST_CASE("an utterance starts at its first window of speech and ends after the required silence",
          "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.02F).windows(20, 0.9F).windows(40, 0.02F);
  REQUIRE(microphone.told.size() == 3);
  CHECK(microphone.told[0] == SpeechChange{Change::speech_started, 10 * window});
  CHECK(microphone.told[1] == SpeechChange{Change::pausing, 35 * window});         // 160 ms after window 30
  CHECK(microphone.told[2] == SpeechChange{Change::speech_stopped, 46 * window});  // 16 windows are 512 ms
  CHECK_FALSE(microphone.detector.speaking());
}

TEST_CASE("a single window of speech is a click and starts nothing", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(5, 0.02F).windows(1, 0.99F).windows(5, 0.02F).windows(1, 0.99F).windows(5, 0.02F);
  CHECK(microphone.told.empty());
}

TEST_CASE("speech that begins hesitantly starts where it began", "[server][turn_detector]") {
  Microphone microphone;
  microphone.probabilities({0.1F, 0.6F, 0.4F, 0.7F, 0.9F});
  REQUIRE(microphone.told.size() == 1);
  CHECK(microphone.told[0].at == 1 * window);
}

TEST_CASE("two unclear windows after a click make the detector forget it", "[server][turn_detector]") {
  Microphone microphone;
  microphone.probabilities({0.1F, 0.6F, 0.4F, 0.4F, 0.7F});
  CHECK(microphone.told.empty());
}

TEST_CASE("speech that goes on after a pause is told as resumed and the silence counts anew",
          "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(8, 0.02F).windows(5, 0.9F).windows(15, 0.02F);
  CHECK(microphone.kinds() ==
        std::vector{Change::speech_started, Change::pausing, Change::resumed, Change::pausing});
  microphone.windows(1, 0.02F);
  CHECK(microphone.kinds().back() == Change::speech_stopped);
}

TEST_CASE("a pause shorter than the speculation time is not told", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(4, 0.02F).windows(10, 0.9F);
  CHECK(microphone.kinds() == std::vector{Change::speech_started});
}

TEST_CASE("a click within a pause neither ends it nor lengthens it", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(8, 0.02F).windows(1, 0.8F).windows(7, 0.02F);
  CHECK(microphone.kinds() == std::vector{Change::speech_started, Change::pausing, Change::speech_stopped});
}

TEST_CASE("the turn does not end while a word may just be starting", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(15, 0.02F).windows(1, 0.8F);
  CHECK(microphone.detector.speaking());
  microphone.windows(1, 0.8F);
  CHECK(microphone.kinds().back() == Change::resumed);
}

TEST_CASE("probabilities between the two thresholds keep speech going", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(40, 0.4F);
  CHECK(microphone.kinds() == std::vector{Change::speech_started});
}

TEST_CASE("a short required silence ends the turn without a pause before it", "[server][turn_detector]") {
  Microphone microphone({.silence_ms = 100});
  microphone.windows(10, 0.9F).windows(4, 0.02F);
  CHECK(microphone.kinds() == std::vector{Change::speech_started, Change::speech_stopped});
}

TEST_CASE("the required silence can be lengthened while the user pauses", "[server][turn_detector]") {
  Microphone microphone;
  microphone.windows(10, 0.9F).windows(10, 0.02F);
  microphone.detector.require_silence(2000);
  microphone.windows(52, 0.02F);
  CHECK(microphone.detector.speaking());
  microphone.windows(1, 0.02F);
  CHECK(microphone.kinds().back() == Change::speech_stopped);
}

}  // namespace
}  // namespace parley::conversation
