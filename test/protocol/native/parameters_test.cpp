#include "protocol/native/parameters.hpp"

#include "test/support/catch.hpp"

using namespace parley::protocol;
using namespace parley::protocol::native;

namespace {

Error refused_update(const ParametersUpdate& update, Quiet quiet = {}) {
  const Result<Parameters> next = updated({}, update, quiet);
  REQUIRE_FALSE(next.has_value());
  CHECK(next.error().code == ErrorCode::invalid_value);
  return next.error();
}

}  // namespace

TEST_CASE("native parameters that are not named keep their values", "[protocol][native]") {
  Parameters expected;
  expected.input = {.codec = Codec::pcm16, .rate = 16000};
  expected.lead_ms = 0;
  const ParametersUpdate update{.input = {.codec = Codec::pcm16, .rate = 16000}, .lead_ms = 0};
  CHECK(updated({}, update, {}).value() == expected);
}

TEST_CASE("native parameters out of range are refused by their paths", "[protocol][native]") {
  CHECK(refused_update({.input = {.rate = 44100}}).param == "session.native.input.rate");
  CHECK(refused_update({.input = {.channels = 2}}).param == "session.native.input.channels");
  CHECK(refused_update({.input = {.frame_ms = 30}}).param == "session.native.input.frame_ms");
  CHECK(refused_update({.output = {.rate = 8000}}).param == "session.native.output.rate");
  CHECK(refused_update({.output = {.frame_ms = 10}}).param == "session.native.output.frame_ms");
  CHECK(refused_update({.output = {.bitrate = 7999}}).param == "session.native.output.bitrate");
  CHECK(refused_update({.output = {.bitrate = 96001}}).param == "session.native.output.bitrate");
  CHECK(refused_update({.lead_ms = 60001}).param == "session.native.lead_ms");
}

TEST_CASE("playback cannot be reported by headers that are switched off", "[protocol][native]") {
  CHECK(refused_update({.input = {.header = false}, .playback = PlaybackReport::header}).param ==
        "session.native.playback");
}

TEST_CASE("a direction's parameters change only while nothing flows in it", "[protocol][native]") {
  const ParametersUpdate input{.input = {.codec = Codec::pcm16}};
  const ParametersUpdate output{.output = {.bitrate = 16000}};
  CHECK(refused_update(input, {.input = false}).param == "session.native.input");
  CHECK(refused_update(output, {.output = false}).param == "session.native.output");
  CHECK(updated({}, input, {.output = false}).has_value());
  CHECK(updated({}, output, {.input = false}).has_value());
  CHECK(updated({}, {.output = {.bitrate = 28000}}, {.output = false}).has_value());  // no change
}
