#include "engine/models/whisper/decoding.hpp"

#include <cmath>

#include "test/support/catch.hpp"

using namespace parley::whisper;

namespace {

Generation ten_words() {  // 0 .. 9 are words, 10 ends the text, what follows is special
  Generation generation;
  generation.end_of_text = 10;
  generation.start_of_transcript = 11;
  generation.no_speech = 12;
  generation.languages = {{"en", 13}, {"de", 14}};
  generation.suppress_tokens = {3, 12};
  generation.begin_suppress_tokens = {2, 10};
  return generation;
}

std::vector<float> logits(std::initializer_list<std::pair<int, float>> high) {
  std::vector<float> all(16, 0.0F);
  for (auto [token, value] : high) all[static_cast<std::size_t>(token)] = value;
  return all;
}

std::vector<int> times(std::size_t count, std::vector<int> phrase, std::vector<int> before = {}) {
  for (std::size_t i = 0; i < count; ++i) before.insert(before.end(), phrase.begin(), phrase.end());
  return before;
}

}  // namespace

TEST_CASE("the most probable token is chosen among those that are allowed", "[engine][whisper]") {
  DecodingRules rules(ten_words(), 16);
  const auto row = logits({{3, 9.0F}, {15, 8.0F}, {10, 7.0F}, {2, 6.0F}, {5, 5.0F}});
  auto later = row, first = row;
  CHECK(rules.choose(later, /*first=*/false).token == 10);  // 3 is suppressed, 15 is special
  CHECK(rules.choose(first, /*first=*/true).token == 5);    // an empty text or a space is no beginning
}

TEST_CASE("a token's probability is among what was allowed", "[engine][whisper]") {
  DecodingRules rules(ten_words(), 16);
  auto row = logits({{5, 2.0F}}), again = row;
  // ten allowed tokens: nine of them at 0
  CHECK(rules.choose(row, false).log_probability == Approx(2.0 - std::log(std::exp(2.0) + 9.0)));
  CHECK(DecodingRules::probability(again, 5) == Approx(std::exp(2.0) / (std::exp(2.0) + 15.0)));
}

TEST_CASE("logits that are no numbers end the text", "[engine][whisper]") {
  DecodingRules rules(ten_words(), 16);
  auto row = logits({{5, std::nanf("")}});
  CHECK(rules.choose(row, false).token == 10);
}

TEST_CASE("the language is the most probable of the languages", "[engine][whisper]") {
  DecodingRules rules(ten_words(), 16);
  CHECK(rules.detect_language(logits({{5, 9.0F}, {13, 1.0F}, {14, 2.0F}})) == "de");
}

TEST_CASE("a decoder that runs in circles is noticed, one that says no four times is not",
          "[engine][whisper]") {
  CHECK(repeated_tail(times(1, {1, 2, 3, 4, 5, 6, 7, 8})) == 0);
  CHECK(repeated_tail(times(4, {1, 2})) == 0);
  CHECK(repeated_tail(times(3, {1, 2, 3, 4})) == 0);
  CHECK(repeated_tail(times(16, {1}, {9, 8})) == 15);
  CHECK(repeated_tail(times(4, {1, 2, 3, 4}, {9, 8})) == 12);
  CHECK(repeated_tail(times(3, times(1, {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 3}))) == 24);
}
