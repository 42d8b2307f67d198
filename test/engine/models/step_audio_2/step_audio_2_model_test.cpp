#include "engine/models/step_audio_2/step_audio_2_model.hpp"

#include <algorithm>
#include <fstream>
#include <random>

#include "engine/models/load_model.hpp"
#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/engine/models/turn_driver.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"

namespace parley {
namespace {

using namespace test;
using engine::Output;

std::unique_ptr<engine::SpeechModel> load(const std::string& variant) {
  return models::load_model(weights::Bundle::open(tiny_step_audio_2(variant)), {.threads = 2});
}

// Never ends an answer by itself.
engine::SpeechModel& endless() {
  static const auto loaded = load("endless");
  return *loaded;
}

engine::SpeechModel& model() {
  static const auto loaded = load("mini");
  return *loaded;
}

void hear(engine::Dialogue& dialogue, const std::string& item, std::span<const float> pcm,
          engine::SpeechModel& by = model()) {
  constexpr std::size_t packet = 320;  // as it arrives
  for (std::size_t at = 0; at < pcm.size(); at += packet)
    by.hear(dialogue, item, pcm.subspan(at, std::min(packet, pcm.size() - at)));
}

engine::TurnRequest speaks(engine::TurnId turn, std::vector<engine::ContextItem> context, int tokens = 60) {
  engine::TurnRequest request = asks(turn, std::move(context), tokens);
  request.sampling = engine::Sampling{0.7F, 1.0F, 50, 1.0F, turn};
  return request;
}

const engine::Tool search{"search", "Searches",
                          R"({"type":"object","properties":{"query":{"type":"string"}}})"};

std::size_t resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    std::size_t kb = 0;
    status >> kb;
    return kb;
  }
  return 0;
}

}  // namespace

TEST_CASE("speech is answered in speech, and its text comes before its sound", "[engine][step_audio_2]") {
  auto dialogue = model().open();
  const std::vector<float> pcm = raw_pcm("goforward.raw");
  hear(*dialogue, "u1", pcm);
  TurnDriver driver(model());
  driver.start(*dialogue, speaks(1, {user_speaks("u1")}));
  driver.run_to_end();
  const Told& told = driver.told(1);
  CHECK(told.failure == "");
  CHECK(told.order == std::vector<std::string>{"text", "audio"});
  CHECK(told.pcm.size() > 20'000);
  CHECK(told.text_cursor > 0);
  const engine::Usage usage = driver.usage(1);
  CHECK(usage.input_audio_tokens == static_cast<int>(pcm.size() / 1280 + 1));
  CHECK(usage.output_audio_tokens > 20);
  CHECK(told.pcm.size() == static_cast<std::size_t>(usage.output_audio_tokens) * 960);
}

TEST_CASE("an answer in text has no sound", "[engine][step_audio_2]") {
  auto dialogue = model().open();
  TurnDriver driver(model());
  auto request = speaks(1, {user_says("u1", "Hello")}, 20);
  request.output = Output::text;
  driver.start(*dialogue, request);
  driver.run_to_end();
  CHECK(driver.told(1).order == std::vector<std::string>{"text"});
  CHECK(driver.usage(1).output_audio_tokens == 0);
}

TEST_CASE("the next turn reads only what is new, speech and answers included", "[engine][step_audio_2]") {
  auto dialogue = model().open();
  hear(*dialogue, "u1", raw_pcm("goforward.raw"));
  TurnDriver driver(model());
  driver.start(*dialogue, speaks(1, {user_speaks("u1")}));
  driver.run_to_end();
  const engine::Usage first = driver.usage(1);
  driver.start(*dialogue, speaks(2, {user_speaks("u1"), assistant_said("a1", driver.told(1).text),
                                     user_says("u2", "And?")}));
  driver.run_to_end();
  const engine::Usage second = driver.usage(2);
  CHECK(second.cached_audio_tokens >= first.input_audio_tokens + first.output_audio_tokens - 1);
  CHECK(second.input_text_tokens + second.input_audio_tokens -
            (second.cached_text_tokens + second.cached_audio_tokens) <
        30);
}

TEST_CASE("a longer recording is heard in pieces, and grows while it is spoken", "[engine][step_audio_2]") {
  std::vector<float> pcm;
  for (int i = 0; i < 16; ++i) {
    const std::vector<float> more = raw_pcm("goforward.raw");
    pcm.insert(pcm.end(), more.begin(), more.end());
  }
  pcm.resize(28 * 16'000);
  TurnDriver driver(model());
  auto at_once = model().open(), growing = model().open();
  hear(*at_once, "u1", pcm);
  driver.start(*at_once, speaks(1, {user_speaks("u1")}, 8));
  driver.run_to_end();
  CHECK(driver.usage(1).input_audio_tokens == 313 + 38);

  // A speculation hears the beginning, is thrown away, and the rest is said.
  hear(*growing, "u1", std::span(pcm).first(20 * 16'000));
  driver.start(*growing, speaks(2, {user_speaks("u1")}, 8));
  driver.step([](std::size_t) { return std::size_t{0}; });
  driver.drop(2);
  hear(*growing, "u1", std::span(pcm).subspan(20 * 16'000));
  driver.start(*growing, speaks(1001, {user_speaks("u1")}, 8));
  auto again = speaks(3, {user_speaks("u1")}, 8);
  again.sampling->seed = 1;
  driver.drop(1001);
  driver.start(*growing, again);
  driver.run_to_end();
  CHECK(driver.told(3).text == driver.told(1).text);
  CHECK(driver.told(3).pcm == driver.told(1).pcm);
}

TEST_CASE("of an answer that was cut short the next turn knows what was heard", "[engine][step_audio_2]") {
  auto dialogue = endless().open();
  TurnDriver driver(endless());
  const auto question = user_says("u1", "Tell me a story");
  driver.start(*dialogue, speaks(1, {question}, 100));
  driver.run_to_end();
  auto cut = assistant_said("a1", driver.told(1).text);
  const auto asked = [&](engine::TurnId turn) {
    driver.start(*dialogue, speaks(turn, {question, cut, user_says("u2", "Go on")}, 2));
    driver.run_to_end();
    return driver.usage(turn).input_audio_tokens;
  };
  CHECK(asked(2) == driver.usage(1).output_audio_tokens);
  cut.heard_ms = 400;
  CHECK(asked(3) == 10);
}

TEST_CASE("what was said can be asked for alone", "[engine][step_audio_2]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  hear(*dialogue, "u1", raw_pcm("goforward.raw"));
  auto request = asks(1, {user_speaks("u1")}, 40);
  request.output = Output::transcript;
  request.out_of_band = true;
  driver.start(*dialogue, request);
  driver.run_to_end();
  CHECK(driver.told(1).order == std::vector<std::string>{"transcript"});
  CHECK(driver.told(1).transcripts.contains("u1"));
}

TEST_CASE("a tool that must be called is called", "[engine][step_audio_2]") {
  TurnDriver driver(model());
  auto dialogue = model().open();
  auto request = speaks(1, {user_says("u1", "Look it up")}, 20);
  request.output = Output::text;
  request.tools = {search};
  request.tool_choice = {engine::ToolChoice::Mode::named, "search"};
  driver.start(*dialogue, request);
  driver.run_to_end();
  REQUIRE(driver.told(1).calls.size() == 1);
  CHECK(driver.told(1).calls[0].name == "search");
  CHECK(driver.told(1).text == "");
  request.turn = 2;
  request.tool_choice.name = "find";
  CHECK_THROWS_WITH(model().begin(*dialogue, request), Catch::Contains("no tool named \"find\""));
}

TEST_CASE("an answer can be spoken faster or slower, and is cut where it was heard all the same",
          "[engine][step_audio_2]") {
  TurnDriver driver(endless());
  auto dialogue = endless().open();
  const auto question = user_says("u1", "Tell me a story");
  for (engine::TurnId turn : {1, 2, 3}) {
    auto request = speaks(turn, {question}, 100);
    request.sampling->seed = 1;
    request.speed = turn == 1 ? 1.0F : turn == 2 ? 1.5F : 0.5F;
    request.out_of_band = turn != 2;
    driver.start(*dialogue, request);
    driver.run_to_end();
  }
  const auto length = [&](engine::TurnId turn) { return static_cast<double>(driver.told(turn).pcm.size()); };
  CHECK(length(2) == Approx(length(1) / 1.5).margin(480));
  CHECK(length(3) == Approx(length(1) * 2).margin(960));
  auto cut = assistant_said("a1", driver.told(2).text);
  cut.heard_ms = 400;
  driver.start(*dialogue, speaks(4, {question, cut, user_says("u2", "Go on")}, 2));
  driver.run_to_end();
  CHECK(driver.usage(4).input_audio_tokens == 15);  // 400 ms at one and a half times the pace
}

TEST_CASE("voices differ, and one that the bundle lacks is refused with those it has",
          "[engine][step_audio_2]") {
  REQUIRE(model().info().voices.size() == 3);
  TurnDriver driver(model());
  std::vector<std::vector<std::int16_t>> sounds;
  for (engine::TurnId turn : {1, 2}) {
    auto dialogue = model().open();
    auto request = asks(turn, {user_says("u1", "Hello")}, 60);
    request.voice = model().info().voices[turn].name;
    driver.start(*dialogue, request);
    driver.run_to_end();
    sounds.push_back(driver.told(turn).pcm);
  }
  CHECK(sounds[0].size() == sounds[1].size());
  CHECK(sounds[0] != sounds[1]);
  auto dialogue = model().open();
  auto request = asks(3, {user_says("u1", "Hello")});
  request.voice = "nobody";
  CHECK_THROWS_WITH(model().begin(*dialogue, request),
                    Catch::Contains("nobody") && Catch::Contains("default_female"));
}

TEST_CASE("a model that thinks first is heard only when it has thought", "[engine][step_audio_2]") {
  const auto thinker = load("think");
  TurnDriver driver(*thinker);
  auto dialogue = thinker->open();
  auto request = speaks(1, {user_says("u1", "Hello")}, 400);
  driver.start(*dialogue, request);
  driver.run_to_end();
  const Told& told = driver.told(1);
  CHECK(told.failure == "");
  CHECK(told.text.find("think") == std::string::npos);
  CHECK_FALSE(told.pcm.empty());
  const engine::Usage usage = driver.usage(1);
  CHECK(usage.output_text_tokens > 0);
  // In the history there is the answer without the thinking.
  driver.start(
      *dialogue,
      speaks(2, {user_says("u1", "Hello"), assistant_said("a1", told.text), user_says("u2", "And?")}, 2));
  CHECK(driver.usage(2).input_audio_tokens == usage.output_audio_tokens);
}

TEST_CASE("each turn of a random mix tells what it tells alone", "[engine][step_audio_2][isolation]") {
  const std::vector<float> pcm = raw_pcm("goforward.raw");
  const auto start = [&](TurnDriver& driver, engine::Dialogue& dialogue, engine::TurnId turn) {
    auto request = speaks(turn, {user_says("u", "Question " + std::to_string(turn % 5))},
                          20 + static_cast<int>(turn * 13 % 70));
    if (turn % 3 == 0) {
      hear(dialogue, "u", std::span(pcm).first(4'000 * (1 + turn % 7)));
      request.context = {user_speaks("u")};
    }
    if (turn % 4 == 0) request.output = Output::text;
    request.voice = model().info().voices[turn % 3].name;
    driver.start(dialogue, request);
  };
  constexpr engine::TurnId turns = 24;
  std::map<engine::TurnId, Told> alone;
  for (engine::TurnId turn = 1; turn <= turns; ++turn) {
    auto dialogue = model().open();
    TurnDriver driver(model());
    start(driver, *dialogue, turn);
    driver.run_to_end();
    alone[turn] = driver.told(turn);
  }
  std::mt19937 random(7);
  const auto choose = [&random](std::size_t count) { return random() % count; };
  std::map<engine::TurnId, std::unique_ptr<engine::Dialogue>> dialogues;
  TurnDriver driver(model());
  engine::TurnId next = 1;
  for (bool more = true; more || next <= turns;) {
    if (next <= turns && random() % 6 == 0) {
      dialogues[next] = model().open();
      start(driver, *dialogues[next], next);
      ++next;
    }
    more = driver.step(choose);
  }
  for (const auto& [turn, told] : alone) {
    INFO("turn " << turn);
    CHECK(driver.told(turn).text == told.text);
    CHECK(driver.told(turn).pcm == told.pcm);
  }
}

TEST_CASE("half an hour of speech in one answer takes no more memory than some minutes",
          "[engine][step_audio_2]") {
  auto dialogue = endless().open();
  // As the driver, but what was said is dropped.
  class Listener final : public engine::StepEvents {
   public:
    void emit(const engine::Turn&, engine::Event event) override {
      if (const auto* chunk = std::get_if<engine::AudioChunk>(&event)) samples += chunk->pcm.size();
    }
    void fail(const engine::Turn&, std::string error) override { failure = error; }
    std::size_t samples = 0;
    std::string failure;
  } listener;
  constexpr std::size_t minute = 60 * 24'000;
  auto turn = endless().begin(*dialogue, speaks(1, {user_says("u1", "Tell me everything")}, 60'000));
  engine::Turn* const one = turn.get();
  std::size_t after_5_minutes = 0;
  while (listener.samples < 30 * minute && listener.failure.empty()) {
    const engine::WorkList works = endless().ready(*turn);
    REQUIRE_FALSE(works.empty());
    for (const engine::Work& work : works) endless().run(work.kind, {&one, 1}, work.units, listener);
    if (after_5_minutes == 0 && listener.samples > 5 * minute) after_5_minutes = resident_kb();
  }
  CHECK(listener.failure == "");
  // Keys and values grow with the answer, by some 10 MB here; what the allocator keeps swings by about as
  // much. The sound alone would be 70 MB.
  constexpr std::size_t allowed_kb = 36 * 1024;
  CHECK(resident_kb() < after_5_minutes + allowed_kb);
}

}  // namespace parley
