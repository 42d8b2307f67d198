#include "server/conversation/input_buffer.hpp"

#include <limits>

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

std::vector<float> ramp(int samples, int from = 0) {
  std::vector<float> pcm;
  for (int i = 0; i < samples; ++i) pcm.push_back(static_cast<float>(from + i) / 32767.0F);
  return pcm;
}

TEST_CASE("what was appended comes out in order and the clock counts on", "[server][input_buffer]") {
  InputBuffer buffer;
  buffer.append(ramp(1000), 62.5);
  buffer.append(ramp(1000, 1000), 62.5);
  auto taken = buffer.take_until(1500);
  REQUIRE(taken.size() == 1500);
  CHECK(taken[1499] == Approx(1499 / 32767.0));
  CHECK(buffer.begin() == 1500);
  CHECK(buffer.end() == 2000);
  buffer.clear();
  CHECK(buffer.begin() == 2000);
  CHECK(buffer.end() == 2000);
}

TEST_CASE("the uncommitted length is that before resampling, to the hundredth", "[server][input_buffer]") {
  InputBuffer buffer;
  buffer.append(ramp(950), 60.0);  // a resampler may still hold some samples
  CHECK(buffer.uncommitted_ms() == 60.0);
  buffer.take_until(950);
  CHECK(buffer.uncommitted_ms() == 60.0);  // told to the engine, but not committed
  buffer.commit_until(950);
  CHECK(buffer.uncommitted_ms() == 0);
}

TEST_CASE("samples after a commit's end are the start of what comes next", "[server][input_buffer]") {
  InputBuffer buffer;
  buffer.append(ramp(1600), 100);
  buffer.commit_until(800);
  CHECK(buffer.begin() == 800);
  CHECK(buffer.uncommitted_ms() == Approx(50));
}

TEST_CASE("silence that is dropped is not committed", "[server][input_buffer]") {
  InputBuffer buffer;
  buffer.append(ramp(16000), 1000);
  buffer.drop_until(8000);
  CHECK(buffer.uncommitted_ms() == Approx(500));
  buffer.drop_until(-5);
  buffer.drop_until(1'000'000);
  CHECK(buffer.begin() == buffer.end());
}

TEST_CASE("samples out of range are clipped and those that are no number are silence",
          "[server][input_buffer]") {
  InputBuffer buffer;
  const float pcm[] = {7.0F, -7.0F, std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity()};
  buffer.append(pcm, 1);
  CHECK(buffer.take_until(4) == std::vector<float>{1.0F, -1.0F, 0.0F, 0.0F});
}

}  // namespace
}  // namespace parley::conversation
