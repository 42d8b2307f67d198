// The arithmetic of the figures: percentiles, underruns, lost and crossed audio.
#include "client/percentiles.hpp"
#include "client/playout.hpp"
#include "client/stream_audit.hpp"
#include "client/tally.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace std::chrono_literals;
using client::Milliseconds;

namespace {

const client::Time start{1h};

// Frame `seq` of 20 ms of a stream.
protocol::native::Frame frame(std::uint32_t stream, unsigned seq, bool end = false) {
  protocol::native::Frame one;
  one.stream = stream;
  one.seq = static_cast<std::uint16_t>(seq);
  one.timestamp = seq * 960;
  one.end = end;
  return one;
}

client::StreamAudit audit_of_stream(std::uint32_t stream) {
  client::StreamAudit audit;
  audit.response_created("resp");
  audit.announced(stream, "resp");
  return audit;
}

}  // namespace

TEST_CASE("a percentile is a value that was measured, by nearest rank", "[client]") {
  CHECK_FALSE(client::percentile({}, 0.5));
  CHECK(client::percentile({7}, 0.99) == 7);
  CHECK(client::percentile({4, 1, 3, 2}, 0.5) == 2);
  std::vector<double> hundred(100);
  for (int i = 0; i < 100; ++i) hundred[static_cast<std::size_t>(i)] = 100 - i;
  CHECK(client::percentile(hundred, 0.50) == 50);
  CHECK(client::percentile(hundred, 0.95) == 95);
  CHECK(client::percentile(hundred, 0.99) == 99);
  CHECK(client::percentile(hundred, 1.0) == 100);
}

TEST_CASE("sound that comes ahead of time is no underrun", "[client]") {
  client::Playout playout;
  CHECK_FALSE(playout.playing(start));
  for (int i = 0; i < 10; ++i) playout.arrived(start + 5ms * i, 20ms);
  CHECK(playout.longest_underrun() == 0ms);
  CHECK(playout.heard(start + 100ms) == 100ms);
  CHECK(playout.playing(start + 199ms));
  CHECK_FALSE(playout.playing(start + 200ms));
  CHECK(playout.heard(start + 10s) == 200ms);
}

TEST_CASE("an underrun is the silence beyond what was buffered, and the longest counts", "[client]") {
  client::Playout playout;
  playout.arrived(start, 20ms);
  playout.arrived(start + 1ms, 20ms);    // plays until 40
  playout.arrived(start + 70ms, 20ms);   // 30 ms of silence; plays until 90
  playout.arrived(start + 190ms, 20ms);  // 100 ms; plays until 210
  playout.arrived(start + 215ms, 20ms);  // 5 ms
  CHECK(playout.longest_underrun() == 100ms);
  CHECK(playout.heard(start + 225ms) == 90ms);
  playout.arrived(start + 5s, 0ms);  // the end marker
  CHECK(playout.longest_underrun() == 100ms);
}

TEST_CASE("after a flush nothing plays, and what was heard stays known", "[client]") {
  client::Playout playout;
  playout.arrived(start, 500ms);
  playout.flush(start + 120ms);
  CHECK_FALSE(playout.playing(start + 121ms));
  CHECK(playout.heard(start + 1s) == 120ms);
}

TEST_CASE("a whole stream loses and crosses nothing", "[client]") {
  client::StreamAudit audit = audit_of_stream(1);
  for (unsigned seq = 0; seq < 3; ++seq) CHECK(audit.arrived(frame(1, seq), 960));
  CHECK(audit.arrived(frame(1, 3, /*end=*/true), 0));
  audit.done(1, 4, /*completed=*/true);
  CHECK(audit.lost() == 0);
  CHECK(audit.crossed() == 0);
}

TEST_CASE("packet numbers wrap", "[client]") {
  client::StreamAudit audit = audit_of_stream(1);
  for (unsigned seq = 0; seq < 70'000; ++seq) audit.arrived(frame(1, seq), 960);
  CHECK(audit.lost() == 0);
  CHECK(audit.crossed() == 0);
}

TEST_CASE("missing packets are lost: in the numbers, in the time, at the end", "[client]") {
  client::StreamAudit audit = audit_of_stream(1);
  audit.arrived(frame(1, 0), 960);
  audit.arrived(frame(1, 3), 960);
  CHECK(audit.lost() == 2);

  auto late = frame(1, 4);
  late.timestamp += 960;
  audit.arrived(late, 960);
  CHECK(audit.lost() == 3);

  audit.done(1, 8, /*completed=*/true);  // 5, 6 and 7 are missing, and with them the END
  CHECK(audit.lost() == 7);
  CHECK(audit.crossed() == 0);
}

TEST_CASE("a stream that was cut need not come to its end", "[client]") {
  client::StreamAudit audit = audit_of_stream(1);
  audit.arrived(frame(1, 0), 960);
  audit.flushed(1);
  audit.done(1, 1, /*completed=*/false);
  CHECK(audit.lost() == 0);
}

TEST_CASE("frames that are not this session's, or come too late, have crossed", "[client]") {
  client::StreamAudit audit = audit_of_stream(1);
  CHECK_FALSE(audit.arrived(frame(2, 0), 960));  // never announced
  CHECK(audit.crossed() == 1);

  audit.arrived(frame(1, 0), 960);
  CHECK_FALSE(audit.arrived(frame(1, 0), 960));  // a second time
  CHECK(audit.crossed() == 2);

  audit.flushed(1);
  CHECK_FALSE(audit.arrived(frame(1, 1), 960));
  CHECK(audit.crossed() == 3);

  audit.announced(3, "resp");
  audit.arrived(frame(3, 0, /*end=*/true), 0);
  CHECK_FALSE(audit.arrived(frame(3, 1), 960));
  CHECK(audit.crossed() == 4);

  audit.announced(4, "another's");
  CHECK(audit.crossed() == 5);
  audit.announced(3, "resp");  // announced twice
  CHECK(audit.crossed() == 6);
  audit.done(9, 0, true);
  CHECK(audit.crossed() == 7);

  audit.announced(5, "resp");
  auto foreign = frame(5, 0);
  foreign.kind = protocol::native::input_kind;
  CHECK_FALSE(audit.arrived(foreign, 960));
  CHECK(audit.crossed() == 8);
  CHECK(audit.lost() == 0);
}

TEST_CASE("tallies add up", "[client]") {
  client::Tally all, one;
  one.answered = 2;
  one.lost = 3;
  one.bytes_sent = 10;
  one.after_speech_ms = {1, 2};
  one.errors = {{"close 1008", 1}};
  all.add(one);
  all.add(one);
  CHECK(all.answered == 4);
  CHECK(all.lost == 6);
  CHECK(all.bytes_sent == 20);
  CHECK(all.after_speech_ms == std::vector<double>{1, 2, 1, 2});
  CHECK(all.errors.at("close 1008") == 2);
}
