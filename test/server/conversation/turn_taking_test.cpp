#include "server/conversation/turn_taking.hpp"

#include <numeric>

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

using Signal = TurnSignal::Kind;

// A microphone of which every sample tells its position, so that what is heard can be checked to the sample.
struct Talk {
  int items = 0;
  TurnTaking turns;
  TurnSignals told;
  std::vector<float> heard;  // of the newest item
  std::vector<Signal> kinds;

  explicit Talk(TurnTakingSettings settings = {})
      : turns(settings, [this] { return "item_" + std::to_string(++items); }) {}

  void take(TurnSignals signals) {
    for (auto& signal : signals) {
      if (signal.kind == Signal::hear) {
        heard.insert(heard.end(), signal.pcm.begin(), signal.pcm.end());
      } else {
        kinds.push_back(signal.kind);
      }
      told.push_back(std::move(signal));
    }
  }
  Talk& audio(int windows) {
    std::vector<float> pcm(static_cast<std::size_t>(windows) * TurnTaking::window);
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      pcm[i] = static_cast<float>((turns.now() + static_cast<AudioPosition>(i)) % 30000) / 32767.0F;
    }
    take(turns.on_audio(pcm, windows * 32.0));
    return *this;
  }
  Talk& windows(int count, float probability) {
    for (int i = 0; i < count; ++i) {
      audio(1);
      take(turns.on_voice_activity(probability, turns.now()));
    }
    return *this;
  }
  const TurnSignal& last(Signal kind) const {
    for (auto signal = told.rbegin(); signal != told.rend(); ++signal) {
      if (signal->kind == kind) return *signal;
    }
    FAIL("no such signal");
    return told.front();
  }
};

bool contiguous(const std::vector<float>& heard, AudioPosition begin) {
  for (std::size_t i = 0; i < heard.size(); ++i) {
    const auto position = static_cast<double>((begin + static_cast<AudioPosition>(i)) % 30000);
    if (std::abs(heard[i] * 32767.0 - position) > 0.6) return false;
  }
  return true;
}

TEST_CASE("the engine hears an utterance with its padding and no sample twice", "[server][turn_taking]") {
  Talk talk;
  talk.windows(30, 0.0F).windows(30, 0.9F).windows(16, 0.0F);
  REQUIRE(talk.kinds == std::vector{Signal::speech_started, Signal::pausing, Signal::speech_stopped});
  const auto begin = talk.last(Signal::speech_started).at;
  CHECK(begin == 30 * 512 - 300 * 16);
  CHECK(contiguous(talk.heard, begin));
  const auto end = talk.last(Signal::speech_stopped).at;
  CHECK(talk.heard.size() == static_cast<std::size_t>(end - begin));

  TurnSignals rest;
  const auto utterance = talk.turns.commit(rest);
  CHECK(rest.empty());
  CHECK(utterance.item_id == "item_1");
  CHECK(utterance.begin == begin);
  CHECK(utterance.end == end);
  CHECK(utterance.ms == Approx((end - begin) / 16.0));
}

TEST_CASE("padding never reaches back into the turn before", "[server][turn_taking]") {
  Talk talk;
  talk.windows(30, 0.9F).windows(16, 0.0F);
  TurnSignals rest;
  const auto first = talk.turns.commit(rest);
  talk.windows(2, 0.0F).windows(10, 0.9F);
  CHECK(talk.last(Signal::speech_started).at == first.end);
  CHECK(talk.last(Signal::speech_started).item_id == "item_2");
}

TEST_CASE("padding before the session's first sample is cut", "[server][turn_taking]") {
  Talk talk;
  talk.windows(3, 0.9F);
  CHECK(talk.last(Signal::speech_started).at == 0);
}

TEST_CASE("a held pause is heard when the user goes on and dropped when the turn ends",
          "[server][turn_taking]") {
  Talk talk;
  talk.windows(10, 0.9F).windows(5, 0.0F);
  REQUIRE(talk.kinds.back() == Signal::pausing);
  talk.turns.hold(true);
  const auto before = talk.heard.size();
  talk.windows(5, 0.0F);
  CHECK(talk.heard.size() == before);
  SECTION("goes on") {
    talk.windows(2, 0.9F);
    CHECK(talk.kinds.back() == Signal::resumed);
    CHECK(contiguous(talk.heard, 0));
    CHECK(talk.heard.size() == 22 * 512);
  }
  SECTION("ends") {
    talk.windows(6, 0.0F);
    CHECK(talk.kinds.back() == Signal::speech_stopped);
    CHECK(talk.heard.size() == before);
    TurnSignals rest;
    CHECK(talk.turns.commit(rest).end == 26 * 512);
    CHECK(talk.turns.uncommitted_ms() == 0);
  }
}

TEST_CASE("without detection audio is heard as it comes, under one item until the commit",
          "[server][turn_taking]") {
  Talk talk({.detect = false});
  talk.audio(3).audio(4);
  CHECK(talk.kinds.empty());
  CHECK(talk.heard.size() == 7 * 512);
  TurnSignals rest;
  auto utterance = talk.turns.commit(rest);
  CHECK(utterance.item_id == "item_1");
  CHECK(utterance.ms == Approx(224));
  CHECK(talk.turns.uncommitted_ms() == 0);
  talk.audio(1);
  CHECK(talk.turns.open_item() == "item_2");
}

TEST_CASE("committing while the user speaks ends the turn there", "[server][turn_taking]") {
  Talk talk;
  talk.windows(20, 0.9F).audio(3);
  TurnSignals rest;
  auto utterance = talk.turns.commit(rest);
  talk.take(std::move(rest));
  CHECK(utterance.item_id == "item_1");
  CHECK(utterance.end == 23 * 512);
  CHECK(talk.heard.size() == 23 * 512);
  CHECK_FALSE(talk.turns.speaking());
}

TEST_CASE("clearing forgets the open item and the clock goes on", "[server][turn_taking]") {
  Talk talk;
  talk.windows(20, 0.9F);
  talk.take(talk.turns.clear());
  CHECK(talk.last(Signal::forget).item_id == "item_1");
  CHECK(talk.turns.uncommitted_ms() == 0);
  CHECK(talk.turns.now() == 20 * 512);
}

TEST_CASE("an open microphone in a silent room holds some seconds and no more", "[server][turn_taking]") {
  Talk talk;
  talk.windows(2000, 0.0F);
  CHECK(talk.turns.uncommitted_ms() <= TurnTaking::kept_silence_ms + 32);
}

TEST_CASE("speech without end is cut into turns", "[server][turn_taking]") {
  Talk talk;
  talk.windows(4000, 0.9F);
  REQUIRE(talk.last(Signal::speech_stopped).at == Approx(120 * 16000).margin(512));
}

TEST_CASE("a push to talk buffer that is full drops the rest and says so once", "[server][turn_taking]") {
  Talk talk({.detect = false});
  for (int i = 0; i < 700; ++i) talk.take(talk.turns.on_audio(std::vector<float>(16000), 1000));
  CHECK(std::count(talk.kinds.begin(), talk.kinds.end(), Signal::overrun) == 1);
  CHECK(talk.turns.uncommitted_ms() == 600'000);
}

TEST_CASE("a long gap in the client's audio ends what was being said", "[server][turn_taking]") {
  Talk talk;
  talk.windows(20, 0.9F);
  talk.take(talk.turns.on_gap());
  CHECK(talk.kinds.back() == Signal::speech_stopped);
}

TEST_CASE("switching detection off leaves what was said uncommitted", "[server][turn_taking]") {
  Talk talk;
  talk.windows(20, 0.9F);
  talk.take(talk.turns.configure({.detect = false}));
  talk.audio(5);
  TurnSignals rest;
  CHECK(talk.turns.commit(rest).end == 25 * 512);
  CHECK(talk.heard.size() == 25 * 512);
}

}  // namespace
}  // namespace parley::conversation
