#include "client/load_report.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "test/support/catch.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

namespace {

client::LoadResult some_result() {
  client::LoadResult result;
  result.asked = 3;
  result.served = 2;
  result.refused = 1;
  result.turns_asked = 6;
  result.tally.answered = 4;
  result.tally.after_speech_ms = {700, 650.04, 900, 720};
  result.tally.longest_underrun_ms = {0, 0, 12, 0};
  result.tally.bytes_received = 2048;
  result.tally.errors = {{"http 503", 1}};
  result.elapsed = std::chrono::seconds(12);
  return result;
}

}  // namespace

TEST_CASE("the report tells sessions, times and errors", "[client]") {
  std::ostringstream out;
  client::write(out, some_result());
  CHECK_THAT(out.str(), ContainsSubstring("3: 2 served, 1 refused, 0 failed  (12.0 s)"));
  CHECK_THAT(out.str(), ContainsSubstring("4 of 6 answered"));
  CHECK_THAT(out.str(), ContainsSubstring("p50 700  p95 900  p99 900  max 900  ms  (4)"));
  CHECK_THAT(out.str(), ContainsSubstring("nothing to measure"));
  CHECK_THAT(out.str(), ContainsSubstring("2.0 KiB received"));
  CHECK_THAT(out.str(), ContainsSubstring("http 503 x1"));
}

TEST_CASE("the same for machines", "[client]") {
  const auto report = client::to_json(some_result());
  CHECK(report["sessions_served"] == 2);
  CHECK(report["sessions_refused"] == 1);
  CHECK(report["speech_end_to_first_audio_ms"].dump() ==
        R"({"count":4,"p50":700.0,"p95":900.0,"p99":900.0,"max":900.0})");
  CHECK(report["turn_end_to_first_audio_ms"]["p50"].is_null());
  CHECK(report["longest_underrun_ms"]["max"] == 12.0);
  CHECK(report["errors"] == 1);
  CHECK(report["errors_by_code"]["http 503"] == 1);
}

TEST_CASE("the live line is one line", "[client]") {
  const std::string line = client::progress_line(some_result());
  CHECK(line.find('\n') == std::string::npos);
  CHECK_THAT(line, ContainsSubstring("turns 4/6") && ContainsSubstring("p50 700"));
}

TEST_CASE("interruptions are spread evenly over the turns that can interrupt", "[client]") {
  CHECK(client::interrupting_turns(0, 3, 1.0) == std::vector<bool>{false, true, true});
  CHECK(client::interrupting_turns(0, 3, 0.0) == std::vector<bool>{false, false, false});
  int interrupting = 0;
  for (int session = 0; session < 10; ++session)
    for (const bool one : client::interrupting_turns(session, 5, 0.3)) interrupting += one ? 1 : 0;
  CHECK(interrupting == 12);  // of 40
}
