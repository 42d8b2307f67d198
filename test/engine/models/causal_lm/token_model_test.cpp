// Step-Audio 2's language model against transformers (scripts/parity/language_model.py), and what is asked of
// every precision.
#include "engine/models/causal_lm/token_model.hpp"

#include <algorithm>
#include <cmath>

#include "test/engine/models/causal_lm/formula_checkpoint.hpp"
#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using causal_lm::EmbeddedRows;
using causal_lm::KvSlot;
using causal_lm::LoadOptions;
using causal_lm::Precision;
using causal_lm::TokenModel;

namespace {

const weights::Safetensors& golden() {
  static const weights::Safetensors file(PARLEY_SOURCE_DIR
                                         "/test/parity/step_audio_2/language_model.safetensors");
  return file;
}

const test::FormulaCheckpoint& tiny_weights() {
  static const test::FormulaCheckpoint checkpoint(test::tiny_decoder(), 100);
  return checkpoint;
}

TokenModel tiny_model(const LoadOptions& options) {
  return TokenModel::build(test::tiny_decoder(), tiny_weights().in_memory(), options);
}

EmbeddedRows tiny_rows() { return {step_audio_2::formula_values(90, std::size_t{7} * 96, 0.5F), 96}; }

// The golden prompt with `rows` from place 5 on.
std::vector<int> tiny_prompt(const EmbeddedRows& rows) {
  std::vector<int> ids = test::numbers<int>(golden(), "tiny.ids");
  for (int row = 0; row < rows.count(); ++row) ids[static_cast<std::size_t>(5 + row)] = rows.id(row);
  return ids;
}

float difference(std::span<const float> one, std::span<const float> other) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < one.size(); ++i) largest = std::max(largest, std::fabs(one[i] - other[i]));
  return largest;
}

// Of all places of the golden prompt, the largest difference to its logits.
float difference_to_golden(TokenModel& model) {
  const EmbeddedRows rows = tiny_rows();
  const std::vector<int> prompt = tiny_prompt(rows);
  const auto expected = test::numbers<float>(golden(), "tiny.logits");
  KvSlot slot = model.new_slot();
  float largest = 0.0F;
  for (std::size_t place = 0; place < prompt.size(); ++place)
    largest = std::max(largest, difference(model.logits(slot, prompt[place]),
                                           std::span(expected).subspan(place * 320, 320)));
  return largest;
}

std::vector<int> greedy_answer(TokenModel& model, KvSlot& slot, const std::vector<int>& prompt, int count) {
  causal_lm::Sampler sampler(test::greedy());
  model.prefill(slot, std::span(prompt).first(prompt.size() - 1));
  std::vector<int> answer;
  for (int token = prompt.back(); static_cast<int>(answer.size()) < count; answer.push_back(token)) {
    const causal_lm::DecodeRow row{&slot, token, &sampler};
    token = model.decode({&row, 1})[0].token;
  }
  return answer;
}

}  // namespace

TEST_CASE("with rows in the places of tokens the logits are transformers', token by token",
          "[causal_lm][parity]") {
  auto exact = tiny_model({.precision = Precision::float32});
  CHECK(difference_to_golden(exact) < 1e-4F);
  auto kernels = tiny_model({.threads = 2});  // keys and values of 16 bits
  CHECK(difference_to_golden(kernels) < 2e-3F);
  auto halves = tiny_model({.threads = 2, .precision = Precision::float16});
  CHECK(difference_to_golden(halves) < 2e-2F);
  auto bfloats = tiny_model({.threads = 2, .precision = Precision::bfloat16});
  CHECK(difference_to_golden(bfloats) < 1e-1F);
  auto groups = tiny_model({.threads = 2, .precision = Precision::int8});
  CHECK(difference_to_golden(groups) < 1e-1F);
}

TEST_CASE("a prompt read at once is answered with transformers' greedy ids", "[causal_lm][parity]") {
  const EmbeddedRows rows = tiny_rows();
  for (const LoadOptions& options :
       {LoadOptions{.precision = Precision::float32}, LoadOptions{.threads = 2}}) {
    auto model = tiny_model(options);
    KvSlot slot = model.new_slot();
    CHECK(greedy_answer(model, slot, tiny_prompt(rows), 24) == test::numbers<int>(golden(), "tiny.greedy"));
  }
}

TEST_CASE("the probabilities of given ids are transformers'", "[causal_lm][parity]") {
  const EmbeddedRows rows = tiny_rows();
  std::vector<int> ids = tiny_prompt(rows);
  const auto greedy = test::numbers<int>(golden(), "tiny.greedy");
  const auto expected = test::numbers<float>(golden(), "tiny.scores");
  ids.insert(ids.end(), greedy.begin(), greedy.end());
  auto model = tiny_model({.precision = Precision::float32});
  for (const int read_before : {0, 4, 23}) {
    KvSlot slot = model.new_slot();
    model.prefill(slot, std::span(ids).first(static_cast<std::size_t>(read_before)));
    const auto scores =
        model.log_probabilities(slot, std::span(ids).subspan(static_cast<std::size_t>(read_before)));
    REQUIRE(scores.size() == ids.size() - static_cast<std::size_t>(read_before) - 1);
    CHECK(slot.length() == 47);
    for (std::size_t i = 0; i < greedy.size(); ++i)
      CHECK(scores[scores.size() - greedy.size() + i] == Approx(expected[i]).margin(1e-4));
    if (read_before == 0) CHECK(std::isnan(scores[4]));  // of the first row
  }
}

TEST_CASE("a layer of the official width computes what transformers computes", "[causal_lm][parity]") {
  const test::FormulaCheckpoint checkpoint(test::wide_decoder(), 200);
  const EmbeddedRows rows(step_audio_2::formula_values(91, std::size_t{6} * 3584, 1.0F), 3584);
  const auto expected = test::numbers<float>(golden(), "wide.logits");
  const auto compare = [&](const LoadOptions& options) {
    auto model = TokenModel::build(test::wide_decoder(), checkpoint.in_memory(), options);
    KvSlot slot = model.new_slot();
    float largest = 0.0F;
    for (int row = 0; row < 6; ++row)
      largest =
          std::max(largest, difference(model.logits(slot, rows.id(row)),
                                       std::span(expected).subspan(static_cast<std::size_t>(row) * 64, 64)));
    return largest;
  };
  CHECK(compare({.precision = Precision::float32}) < 1e-4F);
  CHECK(compare({.threads = 2, .precision = Precision::bfloat16}) < 5e-2F);
}

TEST_CASE("rows read in pieces and in company are what they are alone", "[causal_lm]") {
  for (const LoadOptions& options :
       {LoadOptions{.precision = Precision::float32}, LoadOptions{.threads = 2}}) {
    auto model = tiny_model(options);
    const EmbeddedRows rows = tiny_rows();
    const std::vector<int> prompt = tiny_prompt(rows);
    const std::vector<int> other{5, 6, 7, 8, 9};
    KvSlot whole = model.new_slot();
    model.prefill(whole, prompt);
    const auto expected = model.logits(whole, 3);
    KvSlot pieces = model.new_slot();
    model.prefill(pieces, std::span(prompt).first(8));
    KvSlot company = model.new_slot();
    const std::vector<causal_lm::PrefillRow> both{{&company, other}, {&pieces, std::span(prompt).subspan(8)}};
    model.prefill(both);
    CHECK(pieces.tokens() == prompt);
    CHECK(company.tokens() == other);
    CHECK(difference(model.logits(pieces, 3), expected) < 1e-4F);
    const std::vector<causal_lm::PrefillRow> twice{{&company, other}, {&company, other}};
    CHECK_THROWS_AS(model.prefill(twice), std::invalid_argument);
  }
}

TEST_CASE("rows that are gone, or of another width, are refused and change nothing", "[causal_lm]") {
  auto model = tiny_model({.threads = 1});
  KvSlot slot = model.new_slot();
  int gone = 0;
  {
    const EmbeddedRows rows(std::vector<float>(96), 96);
    gone = rows.id(0);
  }
  CHECK_THROWS_WITH(model.prefill(slot, std::vector<int>{1, gone}),
                    Catch::Matchers::ContainsSubstring("must live until they are read"));
  const EmbeddedRows narrow(std::vector<float>(64), 64);
  CHECK_THROWS_WITH(model.prefill(slot, std::vector<int>{1, narrow.id(0)}),
                    Catch::Matchers::ContainsSubstring("64 wide"));
  CHECK(slot.length() == 0);
}

TEST_CASE("a folder in Step-Audio 2's layout is read, whole or in shards, its ear left alone",
          "[causal_lm]") {
  for (const bool sharded : {false, true}) {
    const test::TemporaryFolder folder;
    tiny_weights().write(folder.path(), sharded);
    for (const Precision precision : {Precision::float32, Precision::as_stored}) {
      auto model = TokenModel::load(folder.path(), {.threads = 1, .precision = precision});
      CHECK(model.info().vocabulary == 320);
      CHECK(model.info().hidden_size == 96);
      CHECK(difference_to_golden(model) < 2e-3F);
    }
  }
}

TEST_CASE("plain operations on groups of 8 bits compute what the kernels do", "[causal_lm]") {
  auto kernels = tiny_model({.threads = 1, .precision = Precision::int8});
  auto plain = tiny_model({.fused_kernels = false, .precision = Precision::int8});
  CHECK(plain.info().weight_bytes < tiny_model({.precision = Precision::float32}).info().weight_bytes / 2);
  const EmbeddedRows rows = tiny_rows();
  const std::vector<int> prompt = tiny_prompt(rows);
  KvSlot one = kernels.new_slot();
  KvSlot other = plain.new_slot();
  kernels.prefill(one, prompt);
  plain.prefill(other, prompt);
  // The embedding is rounded by the kernels alone.
  CHECK(difference(kernels.logits(one, 3), plain.logits(other, 3)) < 5e-2F);
}

TEST_CASE("on a GPU the logits are transformers', with graphs and without", "[causal_lm][.gpu]") {
  for (const bool graphs : {false, true}) {
    INFO("graphs: " << graphs);
    auto exact = tiny_model({.device = "cuda", .precision = Precision::float32, .graphs = graphs});
    CHECK(difference_to_golden(exact) < 1e-3F);
    auto bfloats = tiny_model({.device = "cuda", .precision = Precision::bfloat16, .graphs = graphs});
    CHECK(difference_to_golden(bfloats) < 2e-1F);
    auto groups = tiny_model({.device = "cuda", .precision = Precision::int8, .graphs = graphs});
    CHECK(difference_to_golden(groups) < 2e-1F);
  }
}

TEST_CASE("on a GPU any mix of conversations is answered as each alone, with graphs and without",
          "[causal_lm][.gpu]") {
  const EmbeddedRows rows = tiny_rows();
  const std::vector<int> prompt = tiny_prompt(rows);
  const auto expected = test::numbers<int>(golden(), "tiny.greedy");
  for (const bool graphs : {false, true}) {
    INFO("graphs: " << graphs);
    auto model = tiny_model({.device = "cuda", .precision = Precision::float32, .graphs = graphs});
    constexpr std::size_t most = 5;
    std::vector<KvSlot> slots;
    std::vector<causal_lm::Sampler> samplers(most, causal_lm::Sampler(test::greedy()));
    std::vector<std::vector<int>> answers(most);
    for (std::size_t row = 0; row < most; ++row) slots.push_back(model.new_slot());
    // One joins at every second step.
    for (std::size_t step = 0; step < expected.size() + 2 * most; ++step) {
      std::vector<causal_lm::DecodeRow> batch;
      std::vector<std::size_t> who;
      for (std::size_t row = 0; row < most; ++row) {
        if (step < 2 * row || answers[row].size() == expected.size()) continue;
        if (step == 2 * row) model.prefill(slots[row], std::span(prompt).first(prompt.size() - 1));
        batch.push_back(
            {&slots[row], answers[row].empty() ? prompt.back() : answers[row].back(), &samplers[row]});
        who.push_back(row);
      }
      const auto decoded = model.decode(batch);
      for (std::size_t i = 0; i < who.size(); ++i) answers[who[i]].push_back(decoded[i].token);
    }
    for (const auto& answer : answers) CHECK(answer == expected);
  }
}
