// The plain tensor path, which CUDA runs too, against the CPU's own kernels.
#include <cmath>

#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using causal_lm::LanguageModel;

TEST_CASE("plain tensor operations and the kernels agree", "[causal_lm][aten]") {
  for (const std::string name : {"tiny_llama", "tiny_llama_int4", "tiny_qwen2"}) {
    INFO(name);
    auto fused = LanguageModel::load(test::tiny(name), {.threads = 2});
    auto plain = LanguageModel::load(test::tiny(name), {.fused_kernels = false});
    const weights::Safetensors file(test::tiny(name) / "expected.safetensors");
    const auto prompt = test::numbers<int>(file, "prompt");
    auto fused_slot = fused.new_slot();
    auto plain_slot = plain.new_slot();
    CHECK(test::answer(plain, plain_slot, prompt, 16) == test::numbers<int>(file, "tokens"));
    test::answer(fused, fused_slot, prompt, 16);
    const auto expected = plain.logits(plain_slot, 3);
    const auto logits = fused.logits(fused_slot, 3);
    for (std::size_t id = 0; id < logits.size(); ++id) CHECK(logits[id] == Approx(expected[id]).margin(2e-3));
  }
}

TEST_CASE("plain tensor slots are cut, copied and decoded together like the kernels'", "[causal_lm][aten]") {
  auto model = LanguageModel::load(test::tiny("tiny_qwen2"), {.fused_kernels = false});
  const std::vector<int> prompt{5, 80, 33, 120, 7, 7, 9, 200};
  auto first = model.new_slot();
  const auto alone = test::answer(model, first, prompt, 10);
  auto second = model.new_slot();
  second.copy_from(first, 7);  // all but the prompt's last
  first.truncate(7);
  std::vector<causal_lm::Sampler> samplers(2, causal_lm::Sampler({}));
  std::vector<int> tokens;
  std::vector<causal_lm::DecodeRow> rows{{&first, prompt.back(), &samplers[0]}, {&second, 66, &samplers[1]}};
  for (int step = 0; step < 10; ++step) {
    const auto decoded = model.decode(rows);
    tokens.push_back(decoded[0].token);
    for (std::size_t row = 0; row < 2; ++row) rows[row].token = decoded[row].token;
  }
  CHECK(tokens == alone);
  second.clear();
  CHECK(second.bytes() == 0);
}

TEST_CASE("kept steps of rounded-up sizes answer like those made anew, and leave nothing behind",
          "[causal_lm][aten]") {
  auto anew = LanguageModel::load(test::tiny("tiny_qwen2"), {.fused_kernels = false});
  auto kept = LanguageModel::load(test::tiny("tiny_qwen2"), {.fused_kernels = false, .graphs = true});
  // Conversations come and go, so that every step has another mix, and pages are taken over from others.
  struct Talk {
    causal_lm::KvSlot slot;
    causal_lm::Sampler sampler;
    int token;
  };
  const auto answers = [](LanguageModel& model) {
    std::vector<Talk> talks;
    std::vector<int> tokens;
    for (int step = 0; step < 30; ++step) {
      if (step % 3 == 0) {
        talks.push_back({model.new_slot(), causal_lm::Sampler({}), 5 + step});
        std::vector<int> prompt;
        for (int id = 0; id < 4 * step % 70; ++id) prompt.push_back((step + 37 * id) % 250);
        model.prefill(talks.back().slot, prompt);
      }
      if (step % 7 == 6) talks.erase(talks.begin() + 1);
      std::vector<causal_lm::DecodeRow> rows;
      for (Talk& talk : talks) rows.push_back({&talk.slot, talk.token, &talk.sampler});
      const auto decoded = model.decode(rows);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        talks[row].token = decoded[row].token;
        tokens.push_back(decoded[row].token);
      }
    }
    return tokens;
  };
  CHECK(answers(kept) == answers(anew));
}

TEST_CASE("a row that is not finite spoils neither its neighbours nor who gets its memory next",
          "[causal_lm][aten]") {
  for (const bool graphs : {false, true}) {
    auto model = LanguageModel::load(test::tiny("tiny_qwen2"), {.fused_kernels = false, .graphs = graphs});
    auto healthy = model.new_slot();
    model.prefill(healthy, std::vector<int>{5, 80, 33});
    const std::vector<float> expected = model.logits(healthy, 7);
    healthy.truncate(3);
    {
      const causal_lm::EmbeddedRows broken(
          std::vector<float>(static_cast<std::size_t>(model.info().hidden_size) * 20, std::nanf("")),
          model.info().hidden_size);
      auto ill = model.new_slot();
      std::vector<int> ids;
      for (int row = 0; row < broken.count(); ++row) ids.push_back(broken.id(row));
      model.prefill(ill, ids);
      std::vector<causal_lm::Sampler> samplers(2, causal_lm::Sampler({}));
      const std::vector<causal_lm::DecodeRow> rows{{&healthy, 7, &samplers[0]}, {&ill, 7, &samplers[1]}};
      const auto decoded = model.decode(rows);
      CHECK(decoded[0].finite);
      CHECK_FALSE(decoded[1].finite);
    }
    auto next = model.new_slot();  // in the page that the ill one gave back
    model.prefill(next, std::vector<int>{5, 80, 33});
    const std::vector<float> logits = model.logits(next, 7);
    for (std::size_t id = 0; id < logits.size(); ++id) CHECK(logits[id] == Approx(expected[id]).margin(1e-5));
  }
}

TEST_CASE("a device that does not exist is told in a sentence", "[causal_lm][aten]") {
  CHECK_THROWS_WITH(LanguageModel::load(test::tiny("tiny_qwen2"), {.device = "quantum"}),
                    Catch::Matchers::ContainsSubstring("\"quantum\""));
}
