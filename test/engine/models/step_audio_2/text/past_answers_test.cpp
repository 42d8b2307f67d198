#include "engine/models/step_audio_2/text/past_answers.hpp"

#include "test/support/catch.hpp"

using namespace parley::step_audio_2;
using Ids = std::vector<int>;

TEST_CASE("an answer is found by what it says, or by its beginning where it was cut",
          "[step_audio_2][past_answers]") {
  PastAnswers answers;
  answers.remember({"Hello there", {1, 2}, true, 0, 40});
  answers.remember({"Hello", {3}, false, 0, 40});
  REQUIRE(answers.search().find("Hello there") != nullptr);
  CHECK(answers.search().find("Hello there")->ids == Ids{1, 2});
  CHECK(answers.search().find("Hello")->ids == Ids{3});  // what says just that before what begins with it
  CHECK(answers.search().find("Hello th")->ids == Ids{1, 2});
  CHECK(answers.search().find("Good") == nullptr);
}

TEST_CASE("an answer without words is found by no words", "[step_audio_2][past_answers]") {
  PastAnswers answers;
  answers.remember({"Hello", {1}, true, 0, 40});
  CHECK(answers.search().find("") == nullptr);
  answers.remember({"", {2}, false, 1, 40});
  REQUIRE(answers.search().find("") != nullptr);
  CHECK(answers.search().find("")->calls == 1);
}

TEST_CASE("equal answers are found one after the other, as they were given", "[step_audio_2][past_answers]") {
  PastAnswers answers;
  answers.remember({"Yes.", {1}, true, 0, 40});
  answers.remember({"No.", {2}, true, 0, 40});
  answers.remember({"Yes.", {3}, true, 0, 40});
  auto search = answers.search();
  CHECK(search.find("Yes.")->ids == Ids{1});
  CHECK(search.find("Yes.")->ids == Ids{3});
  CHECK(search.find("No.")->ids == Ids{2});  // though it came before
  CHECK(search.find("Perhaps.") == nullptr);
}

TEST_CASE("the oldest of many answers is forgotten", "[step_audio_2][past_answers]") {
  PastAnswers answers;
  for (int i = 0; i < 65; ++i) answers.remember({"answer " + std::to_string(i), {i}, false, 0, 40});
  CHECK(answers.search().find("answer 1")->ids == Ids{1});
  CHECK(answers.search().find("answer 0") == nullptr);
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
