#include <nlohmann/json.hpp>
#include <sstream>

#include "server/converse/report.hpp"
#include "server/converse/settings.hpp"
#include "server/converse/spoken_turn.hpp"
#include "test/support/catch.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::vector<float> one_second(converse::input_rate_hz, 0.25F);

converse::Answer answered(test::Script script, const converse::Request& request = {}) {
  engine::Engine engine(std::make_unique<test::ScriptedModel>(std::move(script)),
                        converse::engine_settings());
  return converse::speak(engine, one_second, request);
}

}  // namespace

TEST_CASE("a recording is heard, answered and timed in the order of the work", "[server][converse]") {
  const converse::Answer answer = answered({});
  CHECK(answer.heard.starts_with("1000 ms "));
  CHECK(answer.said == "You said " + answer.heard + ".");
  CHECK(answer.audio_s() == Approx(5 * 4 * 0.04));
  CHECK(answer.usage.output_text_tokens == 5);
  REQUIRE(answer.asr_ms);
  REQUIRE(answer.first_token_ms);
  REQUIRE(answer.first_audio_ms);
  CHECK(*answer.asr_ms <= *answer.first_token_ms);
  CHECK(*answer.first_token_ms <= *answer.first_audio_ms);
  CHECK(*answer.first_audio_ms <= answer.total_ms);
}

TEST_CASE("a long answer is not held back for a listener who is not there", "[server][converse]") {
  test::Script script;
  script.answer = [](const engine::TurnRequest&, const std::string&) {
    std::string words = "a";
    for (int word = 1; word < 400; ++word) words += " a";
    return words;
  };
  const converse::Answer answer = answered(script);
  CHECK(answer.audio_s() == Approx(400 * 4 * 0.04));
  CHECK(answer.total_ms < 10'000);  // it is 64 s long
}

TEST_CASE("one turn leaves nothing to the next", "[server][converse]") {
  engine::Engine engine(std::make_unique<test::ScriptedModel>(), converse::engine_settings());
  const converse::Answer first = converse::speak(engine, one_second, {});
  const converse::Answer second = converse::speak(engine, one_second, {});
  CHECK(second.pcm == first.pcm);
  CHECK(second.usage.cached_text_tokens == 0);
}

TEST_CASE("instructions, voice and length reach the model", "[server][converse]") {
  engine::TurnRequest asked;
  test::Script script;
  script.answer = [&](const engine::TurnRequest& request, const std::string&) {
    asked = request;
    return std::string("yes");
  };
  converse::Request request;
  request.instructions = "be brief";
  request.voice = "other";
  request.max_output_tokens = 7;
  request.sampling = engine::Sampling{.temperature = 0.5F};
  answered(script, request);
  CHECK(asked.instructions == "be brief");
  CHECK(asked.voice == "other");
  CHECK(asked.max_output_tokens == 7);
  CHECK(asked.sampling->temperature == 0.5F);
}

TEST_CASE("a turn that fails is an error with the model's own sentence", "[server][converse]") {
  test::Script script;
  script.fault = [](const engine::TurnRequest&, engine::WorkKind kind, int) {
    if (kind == engine::WorkKind::prefill) throw std::runtime_error("the brain is on fire");
  };
  CHECK_THROWS_WITH(answered(script), ContainsSubstring("response_generation_failed") &&
                                          ContainsSubstring("the brain is on fire"));
}

TEST_CASE("the report has the keys that pipelines are compared by", "[server][converse]") {
  converse::Answer answer;
  answer.heard = "what is it";
  answer.said = "It is \"this\".";
  answer.asr_ms = 101.4;
  answer.first_token_ms = 150.6;
  answer.total_ms = 480.2;
  answer.pcm.resize(36'000);
  answer.usage.output_text_tokens = 9;
  CHECK(
      converse::to_json(answer).dump() ==
      R"({"heard":"what is it","said":"It is \"this\".","asr_ms":101,"first_token_ms":151,"first_audio_ms":0,)"
      R"("total_ms":480,"audio_s":1.5,"tokens":9})");

  std::ostringstream text;
  converse::write(text, answer);
  CHECK_THAT(text.str(), ContainsSubstring("heard  what is it\n") && ContainsSubstring("recognized 101 ms") &&
                             ContainsSubstring("1.50 s") && ContainsSubstring("9 tokens"));
  CHECK_THAT(text.str(), !ContainsSubstring("first audio"));
}
