#include "engine/models/starter/starter_dialogue.hpp"

#include "test/support/catch.hpp"
#include "test/support/starter_bundle.hpp"

namespace parley {
namespace {

using starter::AnswerMemory;
using Ids = std::vector<int>;

const text::ByteLevelBpe& tokenizer() {
  static const auto model = causal_lm::LanguageModel::load(test::starter_bundle() / "brain", {.threads = 1});
  return model.tokenizer();
}

std::string text_of(const Ids& ids) {
  std::string text;
  for (int id : ids) text += tokenizer().bytes_of(id);
  return text;
}

// The same text in more tokens than its encoding has, as a model may well decode it.
Ids letter_by_letter(std::string_view text) {
  Ids ids;
  for (char letter : text) {
    for (int id : tokenizer().encode(std::string(1, letter))) ids.push_back(id);
  }
  return ids;
}

}  // namespace

TEST_CASE("an answer is repeated by the tokens that were decoded", "[starter][dialogue]") {
  AnswerMemory answers;
  const Ids decoded = letter_by_letter("Paris, of course.");
  REQUIRE(decoded != tokenizer().encode("Paris, of course."));
  answers.remember("Paris, of course.", decoded);
  CHECK(answers.ids_of("Paris, of course.", tokenizer()) == decoded);
}

TEST_CASE("an answer cut by the listener keeps the tokens before the cut and says no more",
          "[starter][dialogue]") {
  AnswerMemory answers;
  const Ids decoded = tokenizer().encode("The capital of France is Paris.");
  answers.remember("The capital of France is Paris.", decoded);
  const Ids ids = answers.ids_of("The capital of Fra", tokenizer());
  CHECK(text_of(ids) == "The capital of Fra");  // the cut lies in a token: its first part is encoded anew
  REQUIRE(ids.size() >= 3);
  CHECK(Ids(ids.begin(), ids.begin() + 3) == Ids(decoded.begin(), decoded.begin() + 3));
}

TEST_CASE("of two answers that begin alike the newer counts, and unknown words have no tokens",
          "[starter][dialogue]") {
  AnswerMemory answers;
  answers.remember("Yes, I can.", tokenizer().encode("Yes, I can."));
  answers.remember("Yes, always.", letter_by_letter("Yes, always."));
  CHECK(answers.ids_of("Yes,", tokenizer()) == letter_by_letter("Yes,"));
  CHECK(answers.ids_of("No.", tokenizer()).empty());
  CHECK(answers.ids_of("", tokenizer()).empty());
}

TEST_CASE("64 answers are remembered, the oldest goes first", "[starter][dialogue]") {
  AnswerMemory answers;
  const auto answer = [](int number) { return "Answer number " + std::to_string(number) + "!"; };
  for (int i = 0; i < 65; ++i) answers.remember(answer(i), {i + 1000});
  CHECK(answers.ids_of(answer(0), tokenizer()).empty());
  CHECK_FALSE(answers.ids_of(answer(1), tokenizer()).empty());
}

TEST_CASE("a transcript stands for an item only while no more of it was heard", "[starter][dialogue]") {
  starter::StarterDialogue dialogue;
  CHECK(dialogue.transcript_of("u1") == nullptr);
  dialogue.heard["u1"].transcript = "Hello.";
  REQUIRE(dialogue.transcript_of("u1") != nullptr);
  CHECK(*dialogue.transcript_of("u1") == "Hello.");
}

}  // namespace parley
