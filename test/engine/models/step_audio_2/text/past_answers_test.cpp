#include "engine/models/step_audio_2/text/past_answers.hpp"

#include "test/support/catch.hpp"

using namespace parley::step_audio_2;
using Ids = std::vector<int>;

TEST_CASE("an answer is found by what it says, or by its beginning where it was cut",
          "[step_audio_2][past_answers]") {
  PastAnswers answers;
  answers.remember({"Hello there", {1, 2}, true, 0});
  answers.remember({"Hello", {3}, false, 0});
  REQUIRE(answers.find("Hello there") != nullptr);
  CHECK(answers.find("Hello there")->ids == Ids{1, 2});
  CHECK(answers.find("Hello")->ids == Ids{3});  // what says just that before what begins with it
  CHECK(answers.find("Hello th")->ids == Ids{1, 2});
  CHECK(answers.find("Good") == nullptr);
}

TEST_CASE("an answer without words is found by no words", "[step_audio_2][past_answers]") {
  PastAnswers answers;
  answers.remember({"Hello", {1}, true, 0});
  CHECK(answers.find("") == nullptr);
  answers.remember({"", {2}, false, 1});
  REQUIRE(answers.find("") != nullptr);
  CHECK(answers.find("")->calls == 1);
}

TEST_CASE("the newest of equal answers is found, and the oldest of many is forgotten",
          "[step_audio_2][past_answers]") {
  PastAnswers answers;
  for (int i = 0; i < 65; ++i) answers.remember({"answer " + std::to_string(i), {i}, false, 0});
  answers.remember({"answer 7", {700}, false, 0});
  CHECK(answers.find("answer 7")->ids == Ids{700});
  CHECK(answers.find("answer 0") == nullptr);
}

TEST_CASE("the part of an answer that was heard ends after so many audio tokens",
          "[step_audio_2][past_answers]") {
  const auto is_audio = [](int id) { return id >= 100; };
  const Ids ids{1, 100, 101, 102, 103, 2, 104, 105};
  CHECK(heard_part(ids, 0, is_audio) == Ids{1});
  CHECK(heard_part(ids, 4, is_audio) == Ids{1, 100, 101, 102, 103, 2});
  CHECK(heard_part(ids, 5, is_audio) == Ids{1, 100, 101, 102, 103, 2, 104});
  CHECK(heard_part(ids, 60, is_audio) == ids);
}
