#include "server/conversation/speculation.hpp"

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;
const Time speculation_start = Time{} + 1h;

TEST_CASE("speculation is given up while fewer than one in three are kept and tried again later",
          "[server][speculation]") {
  Speculation speculation;
  CHECK(speculation.worthwhile(speculation_start));
  speculation.kept(speculation_start, 300);
  for (int i = 0; i < 4; ++i) speculation.thrown_away(speculation_start + 1s);
  CHECK(speculation.worthwhile(speculation_start + 1s));  // too few to judge
  speculation.thrown_away(speculation_start + 2s);
  CHECK_FALSE(speculation.worthwhile(speculation_start + 2s));
  CHECK(speculation.worthwhile(speculation_start + 63s));
}

TEST_CASE("one in three kept is enough", "[server][speculation]") {
  Speculation speculation;
  for (int i = 0; i < 4; ++i) speculation.thrown_away(speculation_start);
  for (int i = 0; i < 2; ++i) speculation.kept(speculation_start, 340);
  CHECK(speculation.worthwhile(speculation_start));
  CHECK(speculation.counts().kept == 2);
  CHECK(speculation.counts().thrown_away == 4);
  CHECK(speculation.counts().saved_ms == 680);
}

}  // namespace
}  // namespace parley::conversation
