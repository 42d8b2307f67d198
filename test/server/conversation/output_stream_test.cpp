#include "server/conversation/output_stream.hpp"

#include <numeric>

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

std::vector<std::int16_t> pcm_ramp(std::size_t ms, std::int16_t from = 0) {
  std::vector<std::int16_t> pcm(ms * 24);
  std::iota(pcm.begin(), pcm.end(), from);
  return pcm;
}

std::vector<OutputPacket> take_all(OutputStream& stream) {
  std::vector<OutputPacket> packets;
  while (stream.next_ms()) packets.push_back(stream.take());
  return packets;
}

TEST_CASE("native packets have one length and say where they stand", "[server][output_stream]") {
  OutputStream stream(20);
  stream.push(pcm_ramp(50), 50);
  auto packets = take_all(stream);
  REQUIRE(packets.size() == 2);
  CHECK(packets[0].first);
  CHECK_FALSE(packets[1].first);
  CHECK(packets[1].seq == 1);
  CHECK(packets[1].timestamp == 960);
  CHECK(packets[0].text_cursor == 20);
  CHECK(packets[1].text_cursor == 40);

  stream.finish();
  packets = take_all(stream);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0].last);
  CHECK(packets[0].pcm.size() == 480);  // filled up with silence
  CHECK(packets[0].pcm[239] != 0);
  CHECK(packets[0].pcm[240] == 0);
  CHECK(stream.drained());
}

TEST_CASE("a native stream that ends on a packet's border ends with an empty packet",
          "[server][output_stream]") {
  OutputStream stream(20);
  stream.push(pcm_ramp(40), 1);
  CHECK(take_all(stream).size() == 2);
  stream.finish();
  CHECK_FALSE(stream.drained());
  auto packets = take_all(stream);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0].last);
  CHECK(packets[0].pcm.empty());
  CHECK(packets[0].timestamp == 1920);
}

TEST_CASE("the first delta is short and the others are neither tiny nor huge", "[server][output_stream]") {
  OutputStream stream(0);
  const std::size_t chunk = GENERATE(10, 40, 90, 160, 400, 1000);
  std::size_t pushed = 0;
  std::vector<OutputPacket> packets;
  for (; pushed < 2000; pushed += chunk) {
    stream.push(pcm_ramp(chunk), 0);
    for (auto& packet : take_all(stream)) packets.push_back(std::move(packet));
  }
  const std::size_t early = packets.size();
  stream.finish();
  for (auto& packet : take_all(stream)) packets.push_back(std::move(packet));
  double total = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    total += packets[i].ms();
    if (i == 0) CHECK(packets[i].ms() == 40);
    if (i > 0 && i < early) CHECK((packets[i].ms() >= 80 && packets[i].ms() <= 120));
  }
  CHECK(total == Approx(static_cast<double>(pushed)));
  CHECK(stream.drained());
}

TEST_CASE("what was dropped never comes out", "[server][output_stream]") {
  OutputStream stream(GENERATE(0, 20));
  stream.push(pcm_ramp(500), 10);
  stream.take();
  stream.drop_queued();
  CHECK_FALSE(stream.next_ms());
  CHECK(stream.drained());
}

TEST_CASE("a stream without audio has no packets", "[server][output_stream]") {
  OutputStream stream(GENERATE(0, 20));
  stream.finish();
  CHECK(stream.drained());
}

}  // namespace
}  // namespace parley::conversation
