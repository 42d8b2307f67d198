#include "engine/models/starter/starter_model.hpp"

#include <algorithm>
#include <random>

#include "engine/models/load_model.hpp"
#include "test/engine/models/turn_driver.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"
#include "test/support/starter_bundle.hpp"

namespace parley {
namespace {

using namespace test;
using engine::Output;

// Loading takes a second: once for all cases.
engine::SpeechModel& model() {
  static const auto loaded =
      models::load_model(weights::Bundle::open(starter_bundle()), {.threads = 2, .language = "en"});
  return *loaded;
}

void hear(engine::Dialogue& dialogue, const std::string& item, std::span<const float> pcm) {
  constexpr std::size_t packet = 320;  // as it arrives
  for (std::size_t at = 0; at < pcm.size(); at += packet) {
    model().hear(dialogue, item, pcm.subspan(at, std::min(packet, pcm.size() - at)));
  }
}

}  // namespace

TEST_CASE("speech is transcribed, then answered in text, then in sound", "[engine][starter]") {
  auto dialogue = model().open();
  hear(*dialogue, "u1", raw_pcm("goforward.raw"));
  TurnDriver driver(model());
  driver.start(*dialogue, asks(1, {user_speaks("u1")}, 24));
  driver.run_to_end();
  const Told& told = driver.told(1);
  CHECK(told.failure == "");
  CHECK(told.order == std::vector<std::string>{"transcript", "text", "audio"});
  CHECK_THAT(told.transcripts.at("u1"), Catch::Contains("forward"));
  CHECK_FALSE(told.text.empty());
  CHECK(told.pcm.size() > 12'000);  // half a second
  CHECK(told.text_cursor > 0);
  CHECK(driver.usage(1).input_audio_tokens > 0);
  CHECK(driver.usage(1).output_audio_tokens > 0);
}

TEST_CASE("the next turn reads only what is new", "[engine][starter]") {
  auto dialogue = model().open();
  TurnDriver driver(model());
  const auto question = user_says("u1", "What is the capital of France?");
  driver.start(*dialogue, asks(1, {question}));
  driver.run_to_end();
  const int first = driver.usage(1).input_text_tokens;
  driver.start(*dialogue, asks(2, {question, assistant_said("a1", driver.told(1).text),
                                   user_says("u2", "And of Spain?")}));
  driver.run_to_end();
  const engine::Usage usage = driver.usage(2);
  CHECK(usage.cached_text_tokens >= first);
  CHECK(usage.input_text_tokens - usage.cached_text_tokens <
        24);  // the end of the answer and the new question
}

TEST_CASE("what a listener did not hear of an answer is not in the next prompt", "[engine][starter]") {
  TurnDriver driver(model());
  const auto question = user_says("u1", "Count from one to ten.");
  const auto next = user_says("u2", "Where did you stop?");
  auto dialogue = model().open();
  driver.start(*dialogue, asks(1, {question}, 24));
  driver.run_to_end();
  const std::string all = driver.told(1).text;
  const std::string heard = all.substr(0, all.size() / 2);
  driver.start(*dialogue, asks(2, {question, assistant_said("a1", heard), next}));
  driver.run_to_end();

  auto fresh = model().open();
  driver.start(*fresh, asks(3, {question, assistant_said("a1", heard), next}));
  driver.run_to_end();
  CHECK(driver.told(2).text == driver.told(3).text);
}

TEST_CASE("a conversation whose state was released goes on as before", "[engine][starter]") {
  TurnDriver driver(model());
  const auto question = user_says("u1", "Name a colour.");
  auto one = model().open(), other = model().open();
  for (auto [dialogue, turn] : {std::pair{one.get(), 1}, {other.get(), 2}}) {
    driver.start(*dialogue, asks(static_cast<engine::TurnId>(turn), {question}));
    driver.run_to_end();
  }
  CHECK(model().holds_slot(*one));
  driver.drop(1);
  model().release(*one);
  CHECK_FALSE(model().holds_slot(*one));
  const std::vector<engine::ContextItem> context{question, assistant_said("a1", driver.told(2).text),
                                                 user_says("u2", "Another one?")};
  driver.start(*one, asks(3, context));
  driver.start(*other, asks(4, context));
  driver.run_to_end();
  CHECK(driver.told(3).text == driver.told(4).text);
  CHECK(driver.told(3).pcm == driver.told(4).pcm);
}

TEST_CASE("a turn beside the conversation leaves the conversation's state alone", "[engine][starter]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  driver.start(*dialogue, asks(1, {user_says("u1", "Name a fruit.")}, 4));
  driver.run_to_end();
  auto beside = asks(2, {user_says("x", "Write a title for this chat.")}, 6);
  beside.out_of_band = true;
  beside.output = Output::text;
  driver.start(*dialogue, beside);
  driver.run_to_end();
  CHECK(driver.told(2).pcm.empty());
  CHECK_FALSE(driver.told(2).text.empty());
  const int before = driver.usage(1).input_text_tokens;
  driver.start(*dialogue, asks(3, {user_says("u1", "Name a fruit."),
                                   assistant_said("a1", driver.told(1).text), user_says("u2", "Why?")}));
  CHECK(driver.usage(3).cached_text_tokens >= before);
}

TEST_CASE("silence is an empty transcript and still gets an answer", "[engine][starter]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  hear(*dialogue, "u1", std::vector<float>(32'000));
  driver.start(*dialogue, asks(1, {user_speaks("u1")}));
  driver.run_to_end();
  CHECK(driver.told(1).transcripts.at("u1") == "");
  CHECK_FALSE(driver.told(1).text.empty());
}

TEST_CASE("a turn for the transcript alone tells nothing else, however often it is asked",
          "[engine][starter]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  hear(*dialogue, "u1", raw_pcm("goforward.raw"));
  for (engine::TurnId turn : {1, 2}) {
    auto request = asks(turn, {user_speaks("u1")});
    request.output = Output::transcript;
    request.out_of_band = true;
    driver.start(*dialogue, request);
    driver.run_to_end();
    CHECK(driver.told(turn).order == std::vector<std::string>{"transcript"});
  }
  CHECK(driver.told(1).transcripts == driver.told(2).transcripts);
}

TEST_CASE("a tool that must be called is called", "[engine][starter]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  auto request = asks(1, {user_says("u1", "What is the weather in Oslo?")}, 48);
  request.tools = {{"get_weather", "The weather in a city",
                    R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"}};
  request.tool_choice = {engine::ToolChoice::Mode::named, "get_weather"};
  driver.start(*dialogue, request);
  driver.run_to_end();
  REQUIRE(driver.told(1).calls.size() == 1);
  CHECK(driver.told(1).calls[0].name == "get_weather");
  CHECK_THAT(driver.told(1).calls[0].arguments, Catch::Contains("Oslo"));
  CHECK(driver.told(1).text == "");
}

TEST_CASE("a conversation that outgrows the context loses its oldest items, or fails where that is forbidden",
          "[engine][starter]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  std::vector<engine::ContextItem> context;
  std::string chapter;
  for (int word = 0; word < 60; ++word) chapter += "lighthouse number " + std::to_string(word) + ". ";
  for (int i = 0; i < 24; ++i) {
    context.push_back(user_says("u" + std::to_string(i), chapter));
    context.push_back(assistant_said("a" + std::to_string(i), "Go on."));
  }
  context.push_back(user_says("last", "What is two plus two?"));
  auto request = asks(1, context, 4);
  request.retention.reset();
  CHECK_THROWS_AS(model().begin(*dialogue, request), std::length_error);
  request.retention = 0.5;
  const auto turn = model().begin(*dialogue, request);
  CHECK(model().usage(*turn).input_text_tokens <= model().info().context_tokens / 2);
  CHECK(model().usage(*turn).input_text_tokens > model().info().context_tokens / 4);
}

TEST_CASE("each turn of a random mix tells what it tells alone", "[engine][starter][isolation]") {
  const std::vector<std::string> questions{"Name a colour.",           "What is the capital of Italy?",
                                           "Say hello in French.",     "Is water wet?",
                                           "How many legs has a cat?", "Tell me about the sea."};
  const auto request_of = [&](engine::TurnId turn) {
    auto request =
        asks(turn, {user_says("u", questions[turn % questions.size()])}, 6 + static_cast<int>(turn % 5));
    request.sampling = engine::Sampling{0.7F, 0.9F, 0, 1.1F, turn};
    request.voice = model().info().voices[turn % model().info().voices.size()].name;
    return request;
  };
  constexpr engine::TurnId turns = 24;
  std::map<engine::TurnId, Told> alone;
  for (engine::TurnId turn = 1; turn <= turns; ++turn) {
    auto dialogue = model().open();
    TurnDriver driver(model());
    driver.start(*dialogue, request_of(turn));
    driver.run_to_end();
    alone[turn] = driver.told(turn);
  }

  std::mt19937 random(7);
  const auto choose = [&random](std::size_t count) { return random() % count; };
  std::map<engine::TurnId, std::unique_ptr<engine::Dialogue>> dialogues;
  TurnDriver driver(model());
  engine::TurnId next = 1;
  bool more = true;
  while (more || next <= turns) {
    if (next <= turns && random() % 6 == 0) {
      dialogues[next] = model().open();
      driver.start(*dialogues[next], request_of(next));
      ++next;
    }
    if (next > 3 && random() % 40 == 0) {  // one that nobody waits for any more
      const engine::TurnId gone = 1000 + next;
      auto dialogue = model().open();
      driver.start(*dialogue, request_of(gone));
      driver.step(choose);
      driver.drop(gone);
    }
    more = driver.step(choose);
  }
  for (const auto& [turn, told] : alone) {
    INFO("turn " << turn);
    CHECK(driver.told(turn).text == told.text);
    CHECK(driver.told(turn).pcm == told.pcm);
  }
}

}  // namespace parley
