// A model whose device chooses tokens a step ahead of the host, as on a GPU, against one whose host does. The
// device is the processor here: the tensors are the same ones.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "engine/models/step_audio_2/step_audio_2_model.hpp"
#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/engine/models/turn_driver.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"

namespace parley {
namespace {

using namespace test;
using engine::Output;

std::unique_ptr<engine::SpeechModel> tiny_model(const std::string& variant, bool ahead, bool graphs = false) {
  const auto bundle = weights::Bundle::open(tiny_step_audio_2(variant));
  return std::make_unique<step_audio_2::StepAudio2Model>(
      step_audio_2::Core::load(bundle, {.threads = 2,
                                        .precision = causal_lm::Precision::float32,
                                        .cuda_graphs = graphs,
                                        .decode_ahead = ahead}),
      step_audio_2::Voices::load(bundle, {.threads = 2}), step_audio_2::StepAudio2Settings{});
}

engine::TurnRequest asked(engine::TurnId turn, std::vector<engine::ContextItem> context) {
  auto request = asks(turn, std::move(context), 10 + static_cast<int>(turn * 13 % 50));
  request.sampling = engine::Sampling{.temperature = turn % 5 == 0 ? 0.0F : 0.7F,
                                      .top_p = 0.9F,
                                      .top_k = turn % 2 == 0 ? 0 : 40,
                                      .repetition_penalty = 1.05F,
                                      .seed = turn};
  if (turn % 3 == 0) request.output = Output::text;
  return request;
}

// Two models whose weights lie elsewhere in memory differ in the last bit of a sample.
bool sounds_like(const std::vector<std::int16_t>& one, const std::vector<std::int16_t>& other) {
  return std::ranges::equal(one, other, [](int a, int b) { return std::abs(a - b) <= 2; });
}

// A conversation of two turns; the second reads what the first said.
struct Course {
  std::string first, second;
  std::vector<std::int16_t> sound;
  engine::Usage usage;
};

Course course_alone(engine::SpeechModel& model, engine::TurnId turn) {
  auto dialogue = model.open();
  TurnDriver driver(model);
  driver.start(*dialogue, asked(turn, {user_says("u1", "Question " + std::to_string(turn))}));
  driver.run_to_end();
  Course course;
  course.first = driver.told(turn).text;
  CHECK(driver.told(turn).failure == "");
  driver.drop(turn);
  driver.start(*dialogue, asked(1000 + turn, {user_says("u1", "Question " + std::to_string(turn)),
                                              assistant_said("a1", course.first), user_says("u2", "And?")}));
  driver.run_to_end();
  course.second = driver.told(1000 + turn).text;
  course.sound = driver.told(1000 + turn).pcm;
  course.usage = driver.usage(1000 + turn);
  return course;
}

}  // namespace

TEST_CASE("a model that decodes ahead tells what one does that waits for each token",
          "[engine][step_audio_2][ahead]") {
  for (const std::string variant : {"mini", "think", "endless"}) {
    INFO(variant);
    const auto waits = tiny_model(variant, /*ahead=*/false);
    for (const bool graphs : {false, true}) {
      const auto ahead = tiny_model(variant, /*ahead=*/true, graphs);
      for (engine::TurnId turn = 1; turn <= 6; ++turn) {
        INFO("turn " << turn << ", kept steps " << graphs);
        const Course expected = course_alone(*waits, turn), course = course_alone(*ahead, turn);
        CHECK(course.first == expected.first);
        CHECK(course.second == expected.second);
        CHECK(sounds_like(course.sound, expected.sound));
        CHECK(course.usage.output_text_tokens == expected.usage.output_text_tokens);
        CHECK(course.usage.output_audio_tokens == expected.usage.output_audio_tokens);
        CHECK(course.usage.cached_text_tokens == expected.usage.cached_text_tokens);
      }
    }
  }
}

TEST_CASE(
    "decoding ahead, each turn of a random mix tells what it tells alone, and dropped ones disturb none",
    "[engine][step_audio_2][ahead][isolation]") {
  const auto waits = tiny_model("mini", /*ahead=*/false);
  const auto ahead = tiny_model("mini", /*ahead=*/true, /*graphs=*/true);
  constexpr engine::TurnId turns = 20;
  const auto question = [](engine::TurnId turn) {
    return user_says("u", "Question " + std::to_string(turn));
  };
  std::map<engine::TurnId, Told> alone;
  for (engine::TurnId turn = 1; turn <= turns; ++turn) {
    auto dialogue = waits->open();
    TurnDriver driver(*waits);
    driver.start(*dialogue, asked(turn, {question(turn)}));
    driver.run_to_end();
    alone[turn] = driver.told(turn);
  }
  std::mt19937 random(5);
  const auto choose = [&random](std::size_t count) { return random() % count; };
  std::map<engine::TurnId, std::unique_ptr<engine::Dialogue>> dialogues;
  TurnDriver driver(*ahead);
  engine::TurnId next = 1;
  for (bool more = true; more || next <= turns;) {
    if (next <= turns && random() % 5 == 0) {
      dialogues[next] = ahead->open();
      driver.start(*dialogues[next], asked(next, {question(next)}));
      // One that is interrupted, and whose conversation goes on at once.
      const engine::TurnId other = 100 + next;
      dialogues[other] = ahead->open();
      driver.start(*dialogues[other], asked(other, {question(other)}));
      for (int step = 0; step < 12; ++step) driver.step(choose);
      driver.drop(other);
      driver.start(*dialogues[other], asked(100 + other, {user_says("v", "No, wait")}));
      ++next;
    }
    more = driver.step(choose);
  }
  for (const auto& [turn, told] : alone) {
    INFO("turn " << turn);
    CHECK(driver.told(turn).failure == "");
    CHECK(driver.told(turn).text == told.text);
    CHECK(sounds_like(driver.told(turn).pcm, told.pcm));
  }
}

}  // namespace parley
