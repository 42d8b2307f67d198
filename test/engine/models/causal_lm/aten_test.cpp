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

TEST_CASE("a device that does not exist is told in a sentence", "[causal_lm][aten]") {
  CHECK_THROWS_WITH(LanguageModel::load(test::tiny("tiny_qwen2"), {.device = "quantum"}),
                    Catch::Matchers::ContainsSubstring("\"quantum\""));
}
