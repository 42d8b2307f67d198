// The engine with its real thread, on a model without tensors.
#include "engine/engine.hpp"

#include <future>
#include <thread>

#include "test/support/catch.hpp"
#include "test/support/event_log.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley::engine;
using namespace parley::test;

namespace {

EngineSettings unmeasured(int slots = 8) {
  EngineSettings settings;
  settings.measure_at_start = false;
  settings.slots = slots;
  settings.scheduler.max_lead = std::chrono::hours(1);  // answers are made at once, whatever the clock
  return settings;
}

TurnRequest typed(DialogueId dialogue, std::string text) {
  TurnRequest request;
  request.dialogue = dialogue;
  request.context = {{"item", ItemKind::message, Role::user, std::move(text), false, std::nullopt, "", ""}};
  return request;
}

TurnRequest spoken(DialogueId dialogue, std::string item) {
  TurnRequest request = typed(dialogue, "");
  request.context.back().id = std::move(item);
  request.context.back().speech = true;
  return request;
}

}  // namespace

TEST_CASE("a spoken turn is transcribed, answered in text and voiced", "[engine]") {
  Engine engine(std::make_unique<ScriptedModel>(), unmeasured());
  EventLog log;
  auto dialogue = engine.open_dialogue(log.sink());
  REQUIRE(engine.hear(dialogue, "item", std::vector<float>(8000, 0.25F)));
  REQUIRE(engine.hear(dialogue, "item", std::vector<float>(8000, 0.5F)));
  Told told = log.wait_done(engine.start_turn(spoken(dialogue, "item")));
  CHECK(told.transcript.starts_with("1000 ms "));
  CHECK(told.text == "You said " + told.transcript + ".");
  CHECK(told.pcm.size() == 5 * 4 * ScriptedModel::samples_per_token);
  CHECK(told.text_cursor == told.text.size());
  CHECK(told.done.front().status == TurnStatus::completed);
  CHECK(told.done.front().usage.output_audio_tokens == 20);
}

TEST_CASE("a turn's id may be known before it starts", "[engine]") {
  Engine engine(std::make_unique<ScriptedModel>(), unmeasured());
  EventLog log;
  TurnRequest request = typed(engine.open_dialogue(log.sink()), "hello");
  request.turn = Engine::next_turn_id();
  CHECK(engine.start_turn(request) == request.turn);
  CHECK(log.wait_done(request.turn).text == "You said hello.");
}

TEST_CASE("turns started from many threads at once are each answered", "[engine]") {
  Engine engine(std::make_unique<ScriptedModel>(), unmeasured(64));
  std::vector<std::future<void>> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.push_back(std::async(std::launch::async, [&engine, caller] {
      EventLog log;
      auto dialogue = engine.open_dialogue(log.sink());
      for (int i = 0; i < 24; ++i) {
        std::string text = "caller " + std::to_string(caller) + " turn " + std::to_string(i);
        TurnRequest request = typed(dialogue, text);
        request.speculative = i % 3 == 1;
        auto turn = engine.start_turn(request);
        if (i % 6 == 4) engine.cancel_turn(turn);  // in part before it was committed
        if (request.speculative) engine.commit_turn(turn, Clock::now());
        engine.report_heard(turn, i);
        Told told = log.wait_done(turn);
        if (told.done.size() != 1)
          throw std::runtime_error("TurnDone came " + std::to_string(told.done.size()) + " times");
        if (told.done.front().status == TurnStatus::cancelled) continue;
        if (told.text != "You said " + text + ".") throw std::runtime_error(told.text);
        if (told.pcm.size() != 6 * 4 * ScriptedModel::samples_per_token)
          throw std::runtime_error("audio is missing");
      }
      engine.close_dialogue(dialogue);
    }));
  }
  for (auto& caller : callers) CHECK_NOTHROW(caller.get());
}

TEST_CASE("a running engine ends its turns when it is destroyed", "[engine]") {
  EventLog log;
  TurnId turn;
  {
    EngineSettings settings = unmeasured();
    settings.scheduler.max_lead =
        std::chrono::milliseconds(1000);  // so that the long answer waits for its listener
    Script script;
    script.answer = [](const TurnRequest&, const std::string&) {
      std::string words;
      for (int i = 0; i < 500; ++i) words += "word ";
      return words;
    };
    Engine engine(std::make_unique<ScriptedModel>(script), settings);
    turn = engine.start_turn(typed(engine.open_dialogue(log.sink()), "a story"));
    log.wait_audio(turn);
  }
  Told told = log.told(turn);
  REQUIRE(told.done.size() == 1);
  CHECK(told.done.front().status == TurnStatus::cancelled);
}

TEST_CASE("a draining engine finishes what runs and refuses what comes", "[engine]") {
  Engine engine(std::make_unique<ScriptedModel>(), unmeasured());
  EventLog log;
  auto dialogue = engine.open_dialogue(log.sink());
  auto running = engine.start_turn(typed(dialogue, "the last one"));
  engine.drain();
  auto late = engine.start_turn(typed(dialogue, "too late"));
  CHECK(log.wait_done(running).done.front().status == TurnStatus::completed);
  CHECK(log.wait_done(late).done.front().error_code == "engine_overloaded");
  CHECK(engine.status().draining);
  CHECK_FALSE(engine.status().accepting);
}

TEST_CASE("a step that does not end makes the status say stuck", "[engine]") {
  std::promise<void> entered, leave;
  auto left = leave.get_future().share();
  Script script;
  script.before_pass = [&entered, left, first = true](WorkKind, int, int) mutable {
    if (std::exchange(first, false)) entered.set_value();
    left.wait();
  };
  EngineSettings settings = unmeasured();
  settings.stuck_after = std::chrono::milliseconds(0);
  Engine engine(std::make_unique<ScriptedModel>(script), settings);
  EventLog log;
  auto turn = engine.start_turn(typed(engine.open_dialogue(log.sink()), "hello"));
  entered.get_future().wait();
  CHECK(engine.status().stuck);
  CHECK_FALSE(engine.status().accepting);
  leave.set_value();
  CHECK(log.wait_done(turn).done.front().status == TurnStatus::completed);
}

TEST_CASE("the engine measures its model at the start and derives its slots", "[engine]") {
  Script script;
  script.answer = [](const TurnRequest&, const std::string&) {
    std::string words;
    for (int i = 0; i < 50; ++i) words += "word ";
    return words;
  };
  EngineSettings settings;
  settings.measure_time = std::chrono::milliseconds(40);
  Engine engine(std::make_unique<ScriptedModel>(script), settings);
  CHECK(engine.status().slots >= 1);
  settings.slots = 3;
  Engine lowered(std::make_unique<ScriptedModel>(script), settings);
  CHECK(lowered.status().slots <= 3);
}

TEST_CASE("a model that cannot serve the rehearsal stops the start with its own sentence", "[engine]") {
  Script script;
  script.fault = [](const TurnRequest&, WorkKind, int) {
    throw std::runtime_error("the weights are broken");
  };
  CHECK_THROWS_WITH(Engine(std::make_unique<ScriptedModel>(script), EngineSettings{}),
                    "the weights are broken");
}
