#include "server/conversation/playback.hpp"

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;
const Time playback_start = Time{} + 1h;

TEST_CASE("without reports what was heard follows the clock, less the way to the listener",
          "[server][playback]") {
  Playback playback;
  CHECK(playback.heard_ms(playback_start) == 0);
  playback.left(playback_start, 2000);
  CHECK(playback.heard_ms(playback_start + 100ms) == 0);
  CHECK(playback.heard_ms(playback_start + 1150ms) == Approx(1000));
  CHECK(playback.heard_ms(playback_start + 10s) == 2000);
  CHECK(playback.end() == playback_start + 2s);
}

TEST_CASE("a gap between what was sent holds the listener back by its length", "[server][playback]") {
  Playback playback;
  playback.left(playback_start, 500);
  playback.left(playback_start + 800ms, 500);  // 300 ms of silence
  CHECK(playback.elapsed_ms(playback_start + 900ms) == Approx(600));
  CHECK(playback.end() == playback_start + 1300ms);
}

TEST_CASE("a report is carried on by the clock only while the client plays", "[server][playback]") {
  Playback playback;
  playback.left(playback_start, 5000);
  playback.report(playback_start + 1s, 700, Playback::State::playing);
  CHECK(playback.heard_ms(playback_start + 1500ms) == Approx(1200));
  playback.report(playback_start + 2s, 1500, Playback::State::underrun);
  CHECK(playback.heard_ms(playback_start + 3s) == Approx(1500));
}

TEST_CASE("the length told after a flush beats every estimate but not what was sent", "[server][playback]") {
  Playback playback;
  playback.left(playback_start, 1000);
  playback.report(playback_start, 100, Playback::State::playing);
  playback.flushed(640);
  CHECK(playback.heard_ms(playback_start + 5s) == 640);
  playback.flushed(1e9);
  CHECK(playback.heard_ms(playback_start) == 1000);
  playback.flushed(-5);
  CHECK(playback.heard_ms(playback_start) == 0);
}

}  // namespace
}  // namespace parley::conversation
