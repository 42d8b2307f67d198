#include "server/metrics/prometheus.hpp"

#include <cstdlib>
#include <regex>
#include <set>
#include <sstream>

#include "engine/metrics.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::server;

namespace {

engine::EngineStatus busy_engine() {
  engine::Metrics metrics;
  metrics.slots = 8;
  metrics.slots_held = 3;
  metrics.step_seconds[3].add(0.004);
  metrics.first_audio_seconds.add(0.2);
  metrics.first_audio_seconds.add(50);
  metrics.turns[0].add(7);
  engine::EngineStatus status;
  metrics.copy_to(status);
  return status;
}

}  // namespace

TEST_CASE("the text is Prometheus' format: a type for each family, and one value a series", "[metrics]") {
  Counters counters;
  counters.sessions = 2;
  counters.refuse(Refusal::origin);
  counters.error(protocol::ErrorCode::invalid_json);
  const std::string text = prometheus_text(busy_engine(), counters);

  const std::regex series(R"(([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (\S+))");
  std::set<std::string> families, seen;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with("#")) continue;
    std::smatch parts;
    INFO(line);
    REQUIRE(std::regex_match(line, parts, series));
    CHECK(seen.insert(parts[1].str() + parts[2].str()).second);
    std::string family = parts[1];
    for (const char* suffix : {"_bucket", "_sum", "_count"})
      if (!families.contains(family) && family.ends_with(suffix))
        family = family.substr(0, family.size() - std::string(suffix).size());
    CHECK(families.contains(family));
    char* end = nullptr;
    const std::string number = parts[4];
    std::strtod(number.c_str(), &end);
    CHECK(*end == '\0');
  }

  for (const char* family :
       {"parley_slots", "parley_sessions", "parley_step_seconds", "parley_batch_size",
        "parley_first_audio_seconds", "parley_underrun_seconds", "parley_continuity_total",
        "parley_lead_seconds", "parley_speculation_total", "parley_prefill_tokens_total",
        "parley_refusals_total", "parley_turns_total", "parley_queue_depth"})
    CHECK(families.contains(family));
  for (const char* value :
       {"parley_sessions 2\n", "parley_slots{state=\"held\"} 3\n", "parley_slots{state=\"free\"} 5\n",
        "parley_refusals_total{reason=\"origin\"} 1\n", "parley_errors_total{code=\"invalid_json\"} 1\n",
        "parley_turns_total{status=\"completed\"} 7\n", "parley_first_audio_seconds_count 2\n",
        "parley_first_audio_seconds_bucket{le=\"+Inf\"} 2\n"}) {
    INFO(value);
    CHECK(text.find(value) != std::string::npos);
  }
}
