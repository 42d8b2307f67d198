// Answers whose tokens the device chooses, a step ahead of the host, against those whose tokens the host
// chooses. The device is the processor here: the tensors are the same ones.
#include <cmath>
#include <random>

#include "engine/models/causal_lm/token_model.hpp"
#include "test/engine/models/causal_lm/formula_checkpoint.hpp"
#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

namespace parley {
namespace {

using namespace causal_lm;

TokenModel tiny(bool ahead, bool graphs = false, const std::string& device = "cpu") {
  static const test::FormulaCheckpoint checkpoint(test::tiny_decoder(), 100);
  return TokenModel::build(
      test::tiny_decoder(), checkpoint.in_memory(),
      {.device = device, .precision = Precision::float32, .graphs = graphs, .ahead = ahead});
}

engine::Sampling some_sampling(std::uint64_t seed) {
  switch (seed % 4) {
    case 0:
      return {.temperature = 0.0F, .repetition_penalty = 1.1F};
    case 1:
      return {.temperature = 0.8F, .top_p = 0.9F, .repetition_penalty = 1.05F, .seed = seed};
    case 2:
      return {.temperature = 1.2F, .top_k = 40, .seed = seed};
    default:
      return {.temperature = 1.0F, .seed = seed};
  }
}

// A conversation that answers until it has said `most` tokens, or one that `stop` divides.
struct Talk {
  Talk(TokenModel& model, int number)
      : slot(model.new_slot()),
        answer(model.begin_answer(some_sampling(static_cast<std::uint64_t>(number)), Penalised::all)),
        most(3 + number * 7 % 20) {
    for (int id = 0; id < 1 + number * 11 % 60; ++id) prompt.push_back((number + 37 * id) % 250);
    model.prefill(slot, std::span(prompt).first(prompt.size() - 1));
    answer.say(prompt);
    answer.read_next(prompt.back());
  }
  bool starts() const { return !answer.is_under_way() || said.size() + 1 < static_cast<std::size_t>(most); }
  void take(const Decoded& decoded) {
    said.push_back(decoded.token);
    over = said.size() == static_cast<std::size_t>(most) || decoded.token % 29 == 0;
    if (over) answer.take_back(slot);
  }

  std::vector<int> prompt, said;
  KvSlot slot;
  Answer answer;
  int most;
  bool over = false;
};

std::vector<int> answer_alone(TokenModel& model, int number) {
  Talk talk(model, number);
  while (!talk.over) {
    const AdvanceRow row{&talk.slot, &talk.answer, talk.starts()};
    if (const auto decoded = model.advance({&row, 1}).front()) talk.take(*decoded);
  }
  // What it read: all but what it said last.
  std::vector<int> read = talk.prompt;
  read.insert(read.end(), talk.said.begin(), talk.said.end() - 1);
  CHECK(talk.slot.tokens() == read);
  return talk.said;
}

}  // namespace

TEST_CASE("a step ahead of the host any mix of answers is what the host chooses for each alone",
          "[causal_lm][ahead]") {
  constexpr int talks = 24;
  auto by_host = tiny(/*ahead=*/false);
  std::vector<std::vector<int>> expected;
  for (int number = 0; number < talks; ++number) expected.push_back(answer_alone(by_host, number));
  for (const bool graphs : {false, true}) {
    INFO("kept steps: " << graphs);
    auto ahead = tiny(/*ahead=*/true, graphs);
    for (const int number : {0, 1, 2, 3, 9})
      CHECK(answer_alone(ahead, number) == expected[static_cast<std::size_t>(number)]);
    // They come and go, and at each step some have to wait: what they have under way stays there.
    std::mt19937 random(11);
    std::vector<std::unique_ptr<Talk>> running;
    std::size_t ended = 0;
    for (int next = 0; next < talks || !running.empty();) {
      if (next < talks && random() % 3 == 0) {
        running.push_back(std::make_unique<Talk>(ahead, next));
        ++next;
      }
      std::vector<AdvanceRow> rows;
      std::vector<Talk*> stepped;
      for (const auto& talk : running) {
        if (random() % 4 == 0) continue;
        rows.push_back({&talk->slot, &talk->answer, talk->starts()});
        stepped.push_back(talk.get());
      }
      const auto decoded = ahead.advance(rows);
      for (std::size_t row = 0; row < rows.size(); ++row)
        if (decoded[row]) stepped[row]->take(*decoded[row]);
      std::erase_if(running, [&](const auto& talk) {
        if (!talk->over) return false;
        const auto number = static_cast<std::size_t>(talk->prompt.front());  // by which it was made
        CHECK(talk->said == expected[number]);
        ++ended;
        return true;
      });
    }
    CHECK(ended == talks);
  }
}

TEST_CASE("a GPU chooses a step ahead what is chosen of its logits here, with graphs and without",
          "[causal_lm][ahead][.gpu]") {
  auto by_host = tiny(/*ahead=*/false, /*graphs=*/false, "cuda");
  for (const bool graphs : {false, true}) {
    auto ahead = tiny(/*ahead=*/true, graphs, "cuda");
    for (int number = 0; number < 12; ++number) {
      INFO("graphs: " << graphs << ", answer " << number);
      CHECK(answer_alone(ahead, number) == answer_alone(by_host, number));
    }
  }
}

TEST_CASE("what is under way is taken back, and the answer goes on as if it had not been",
          "[causal_lm][ahead]") {
  const auto in_two_parts = [](TokenModel& model) {
    Talk talk(model, 1);
    talk.most = 1000;
    std::vector<int> said;
    const auto say = [&](std::size_t most) {
      while (said.size() < most) {
        const AdvanceRow row{&talk.slot, &talk.answer};
        if (const auto decoded = model.advance({&row, 1}).front()) said.push_back(decoded->token);
      }
    };
    say(8);
    talk.answer.take_back(talk.slot);
    const std::vector<int> opening{said.back(), 61, 62, 63};  // other tokens follow than those it would say
    talk.answer.say(opening);
    model.prefill(talk.slot, std::span(opening).first(3));
    talk.answer.read_next(opening.back());
    say(20);
    return said;
  };
  auto by_host = tiny(/*ahead=*/false), ahead = tiny(/*ahead=*/true);
  CHECK(in_two_parts(ahead) == in_two_parts(by_host));
}

TEST_CASE("an answer whose logits are no numbers is told so a step later, and its neighbour goes on",
          "[causal_lm][ahead]") {
  auto model = tiny(/*ahead=*/true);
  const auto expected = answer_alone(model, 4);
  Talk healthy(model, 4), ill(model, 5);
  const int width = model.info().hidden_size;
  const EmbeddedRows broken(std::vector<float>(static_cast<std::size_t>(width), std::nanf("")), width);
  const int row_of_broken = broken.id(0);
  model.prefill(ill.slot, {&row_of_broken, 1});
  const int before = ill.slot.length();
  bool told = false;
  while (!healthy.over) {
    std::vector<AdvanceRow> rows{{&healthy.slot, &healthy.answer, healthy.starts()}};
    if (!told) rows.push_back({&ill.slot, &ill.answer});
    const auto decoded = model.advance(rows);
    if (decoded[0]) healthy.take(*decoded[0]);
    if (told || !decoded[1]) continue;
    told = true;
    CHECK_FALSE(decoded[1]->finite);
    CHECK(ill.slot.length() == before);
  }
  CHECK(told);
  CHECK(healthy.said == expected);
}

TEST_CASE("a step that cannot be started leaves answers and slots as they are", "[causal_lm][ahead]") {
  auto model = tiny(/*ahead=*/true);
  const auto expected = answer_alone(model, 1);
  Talk talk(model, 1);
  while (!talk.over) {
    const int length = talk.slot.length();
    const std::vector<AdvanceRow> twice(2, {&talk.slot, &talk.answer});
    CHECK_THROWS_WITH(model.advance(twice), Catch::Matchers::ContainsSubstring("two rows"));
    CHECK(talk.slot.length() == length);
    const AdvanceRow row{&talk.slot, &talk.answer, talk.starts()};
    if (const auto decoded = model.advance({&row, 1}).front()) talk.take(*decoded);
  }
  CHECK(talk.said == expected);

  Talk outside(model, 2);
  outside.answer.read_next(model.info().vocabulary);
  const AdvanceRow row{&outside.slot, &outside.answer};
  CHECK_THROWS_AS(model.advance({&row, 1}), std::out_of_range);
}

}  // namespace parley
