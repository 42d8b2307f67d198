// The language model against Hugging Face's transformers in float32, from the same dequantised weights
// (test/parity/causal_lm/make_logits.py).
#include <algorithm>
#include <cmath>

#include "engine/models/causal_lm/language_model.hpp"
#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using causal_lm::LanguageModel;

namespace {

LanguageModel& smollm2() {
  static LanguageModel model = [] {
    const std::filesystem::path folder = PARLEY_SOURCE_DIR "/.deps/starter/brain";
    if (!std::filesystem::exists(folder / "config.json"))
      throw std::runtime_error(folder.string() + " is missing; run ./scripts/setup");
    return LanguageModel::load(folder, {.threads = 2});
  }();
  return model;
}

float largest_difference(const std::vector<float>& logits, const std::vector<int>& ids,
                         const std::vector<float>& expected) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < ids.size(); ++i)
    largest = std::max(largest, std::fabs(logits[static_cast<std::size_t>(ids[i])] - expected[i]));
  return largest;
}

}  // namespace

TEST_CASE("SmolLM2's logits are those of the float32 reference, before and after 64 tokens",
          "[causal_lm][parity]") {
  const weights::Safetensors file(test::parity_folder() / "smollm2.safetensors");
  for (const std::string prompt : {"question", "story", "plain"}) {
    auto slot = smollm2().new_slot();
    std::vector<int> ids = test::numbers<int>(file, prompt + ".prompt");
    const auto tokens = test::numbers<int>(file, prompt + ".tokens");
    for (const std::string place : {"first", "last"}) {
      INFO(prompt << ", " << place);
      smollm2().prefill(slot, std::span(ids).first(ids.size() - 1));
      const auto logits = smollm2().logits(slot, ids.back());
      CHECK(largest_difference(logits, test::numbers<int>(file, prompt + "." + place + ".ids"),
                               test::numbers<float>(file, prompt + "." + place + ".logits")) < 1e-2F);
      ids = tokens;
    }
  }
}

TEST_CASE("SmolLM2 answers with the reference's 64 greedy tokens", "[causal_lm][parity]") {
  const weights::Safetensors file(test::parity_folder() / "smollm2.safetensors");
  for (const std::string prompt : {"question", "story", "plain"}) {
    auto slot = smollm2().new_slot();
    CHECK(test::answer(smollm2(), slot, test::numbers<int>(file, prompt + ".prompt"), 64) ==
          test::numbers<int>(file, prompt + ".tokens"));
  }
}

TEST_CASE("small Llama and Qwen2 checkpoints give the reference's logits and greedy tokens",
          "[causal_lm][parity]") {
  for (const std::string name : {"tiny_llama", "tiny_llama_int4", "tiny_qwen2"}) {
    INFO(name);
    auto model = LanguageModel::load(test::tiny(name), {.threads = 2});
    const weights::Safetensors file(test::tiny(name) / "expected.safetensors");
    const auto prompt = test::numbers<int>(file, "prompt");
    const auto positions = test::numbers<int>(file, "positions");
    const auto expected = test::numbers<float>(file, "logits");
    const auto vocabulary = static_cast<std::size_t>(model.info().vocabulary);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      auto slot = model.new_slot();
      const auto position = static_cast<std::size_t>(positions[i]);
      model.prefill(slot, std::span(prompt).first(position));
      const auto logits = model.logits(slot, prompt[position]);
      float largest = 0.0F;
      for (std::size_t id = 0; id < vocabulary; ++id)
        largest = std::max(largest, std::fabs(logits[id] - expected[i * vocabulary + id]));
      CHECK(largest < 2e-3F);
    }
    auto slot = model.new_slot();
    CHECK(test::answer(model, slot, prompt, 16) == test::numbers<int>(file, "tokens"));
  }
}
