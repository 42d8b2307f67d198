// Callers on real sockets, against the real server on a model without weights.
#include "client/load.hpp"

#include <csignal>

#include "engine/audio/resampler.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"
#include "test/support/running_server.hpp"

using namespace parley;
using namespace std::chrono_literals;

namespace {

test::Script answers_of(int words) {
  test::Script script;
  script.answer = [words](const engine::TurnRequest&, const std::string&) {
    std::string text = "well";
    for (int word = 1; word < words; ++word) text += " well";
    return text;  // 160 ms a word
  };
  return script;
}

client::LoadPlan plan_for(const std::string& url, int sessions, int turns) {
  static const auto go_forward = std::make_shared<client::Utterance>(
      engine::resample(test::raw_pcm("goforward.raw"), 16'000, client::recording_rate_hz));
  client::LoadPlan plan;
  plan.access.url = client::parse_url(url);
  plan.sessions = sessions;
  plan.turns = turns;
  plan.utterances = {go_forward};
  plan.stagger = 50ms;
  plan.pause = 50ms;
  plan.limit = 60s;
  return plan;
}

}  // namespace

TEST_CASE("callers hold dialogues over sockets, and every packet of the answers arrives", "[client][load]") {
  test::RunningServer server(test::test_settings(), answers_of(10));
  client::LoadPlan plan = plan_for(server->url(), 3, 2);
  plan.interrupt_share = 0.34;  // of the three second turns, one
  const client::LoadResult result = client::Load(plan).run();
  CHECK(result.served == 3);
  CHECK(result.all_served());
  CHECK(result.tally.answered == 6);
  CHECK(result.tally.interrupted == 1);
  CHECK(result.tally.errors.empty());
  CHECK(result.tally.lost == 0);
  CHECK(result.tally.crossed == 0);
  CHECK(result.tally.after_speech_ms.size() == 6);
  CHECK(result.tally.after_speech_stopped_ms.size() == 6);
  CHECK(result.tally.longest_underrun_ms.size() == 6);
  CHECK(result.tally.bytes_sent > 3 * 2 * 16 * 150);
  CHECK(result.tally.bytes_received > 3 * 2 * 16 * 50);
  for (const double ms : result.tally.after_speech_ms) CHECK(ms > 0);
}

TEST_CASE("callers that the server has no room for are refused, not failed", "[client][load]") {
  auto settings = test::test_settings();
  settings.limits.sessions = 1;
  test::RunningServer server(settings, answers_of(2));
  const client::LoadResult result = client::Load(plan_for(server->url(), 2, 1)).run();
  CHECK(result.served == 1);
  CHECK(result.refused == 1);
  CHECK(result.failed == 0);
  CHECK_FALSE(result.all_served());
  CHECK(result.tally.errors.at("http 503") == 1);
}

TEST_CASE("a caller without the right key fails by the server's own code", "[client][load]") {
  auto settings = test::test_settings();
  settings.auth.keys = {"secret"};
  test::RunningServer server(settings, answers_of(2));
  client::LoadPlan plan = plan_for(server->url(), 1, 1);
  CHECK(client::Load(plan).run().tally.errors.at("http 401") == 1);
  plan.access.key = "guess";
  const client::LoadResult guessed = client::Load(plan).run();
  CHECK(guessed.failed == 1);
  CHECK(guessed.tally.errors.at("invalid_api_key") == 1);
  plan.access.key = "secret";
  CHECK(client::Load(plan).run().served == 1);
}

TEST_CASE("a server that is not there fails every caller in the system's words", "[client][load]") {
  std::string url;
  {
    test::RunningServer gone;
    url = gone->url();
  }
  const client::LoadResult result = client::Load(plan_for(url, 2, 1)).run();
  CHECK(result.failed == 2);
  CHECK(result.tally.errors.at("Connection refused") == 2);
}

TEST_CASE("callers who are not done in time are hung up, those who had not begun too", "[client][load]") {
  test::RunningServer server(test::test_settings(), answers_of(10));
  client::LoadPlan plan = plan_for(server->url(), 2, 1);
  plan.stagger = 1h;
  plan.limit = 300ms;
  const client::LoadResult result = client::Load(plan).run();
  CHECK(result.failed == 2);
  CHECK(result.tally.errors.at("not over in time") == 2);
  CHECK(result.elapsed < 30s);
}

TEST_CASE("a signal ends the calls politely, and what was measured is told", "[client][load]") {
  test::RunningServer server(test::test_settings(), answers_of(10));
  int shown = 0;
  const client::LoadResult result = client::Load(plan_for(server->url(), 2, 50)).run([&](const auto& so_far) {
    CHECK(so_far.talking == 2);
    if (++shown == 1) std::raise(SIGINT);
  });
  CHECK(result.interrupted);
  CHECK(result.stopped == 2);
  CHECK(result.tally.errors.empty());
}
