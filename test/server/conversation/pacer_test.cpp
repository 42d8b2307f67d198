#include "server/conversation/pacer.hpp"

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;
const Time start = Time{} + 1h;

// Sends packets of 20 ms as the pacer allows.
int send_what_may_leave(const Pacer& pacer, Playback& playback, Time now, int most = 10000) {
  int packets = 0;
  while (packets < most && pacer.may_leave(playback, now, 20)) {
    playback.left(now, 20);
    ++packets;
  }
  return packets;
}

TEST_CASE("audio leaves at once up to the lead, then as it is played", "[server][pacer]") {
  Pacer pacer(1500);
  Playback playback;
  CHECK(send_what_may_leave(pacer, playback, start) == 75);
  const Time wake = pacer.wake(playback, start, 20);
  CHECK(ms_between(start, wake) == Approx(100).margin(0.01));
  CHECK(send_what_may_leave(pacer, playback, wake) == 5);
}

TEST_CASE("the lead is never exceeded at any time of a long answer", "[server][pacer]") {
  const int lead = GENERATE(100, 1200, 1500);
  Pacer pacer(lead);
  Playback playback;
  Time now = start;
  double sent = 0;
  while (sent < 30'000) {
    sent += 20 * send_what_may_leave(pacer, playback, now);
    CHECK(sent - ms_between(start, now) <= lead);
    CHECK(playback.elapsed_ms(now) < sent);  // and the listener never runs dry
    const Time wake = pacer.wake(playback, now, 20);
    REQUIRE(wake > now);
    now = wake;
  }
}

TEST_CASE("a lead of 0 means no pacing", "[server][pacer]") {
  Pacer pacer(0);
  Playback playback;
  CHECK(send_what_may_leave(pacer, playback, start, 5000) == 5000);
}

TEST_CASE("a lead shorter than a packet still lets one packet leave at a time", "[server][pacer]") {
  Pacer pacer(5);
  Playback playback;
  CHECK(send_what_may_leave(pacer, playback, start) == 1);
  CHECK(send_what_may_leave(pacer, playback, pacer.wake(playback, start, 20)) == 1);
}

}  // namespace
}  // namespace parley::conversation
