#include "engine/models/causal_lm/language_model.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using causal_lm::DecodeRow;
using causal_lm::KvSlot;
using causal_lm::LanguageModel;
using causal_lm::Sampler;

namespace {

std::vector<int> some_ids(int count, int start = 3) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) ids.push_back((start + 37 * i) % 250);
  return ids;
}

LanguageModel tiny_model(const std::string& name = "tiny_llama_int4", int threads = 2) {
  return LanguageModel::load(test::tiny(name), {.threads = threads});
}

const std::vector<std::string> checkpoints{"tiny_llama", "tiny_llama_int4", "tiny_qwen2"};

}  // namespace

TEST_CASE("a prompt read in pieces of any size gives the same logits bit for bit", "[causal_lm]") {
  for (const std::string& name : checkpoints) {
    auto model = tiny_model(name);
    const auto ids = some_ids(50);
    auto whole = model.new_slot();
    model.prefill(whole, ids);
    const auto expected = model.logits(whole, 7);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 16U, 31U}) {
      auto slot = model.new_slot();
      for (std::size_t at = 0; at < ids.size(); at += piece)
        model.prefill(slot, std::span(ids).subspan(at, std::min(piece, ids.size() - at)));
      CHECK(slot.tokens() == ids);
      CHECK(model.logits(slot, 7) == expected);
    }
  }
}

TEST_CASE("a conversation's answer is the same alone and in any company", "[causal_lm]") {
  auto model = tiny_model();
  constexpr int count = 7;
  const engine::Sampling sampling{.temperature = 0.9F, .top_p = 0.95F, .repetition_penalty = 1.1F, .seed = 5};
  std::vector<std::vector<int>> alone;
  for (int row = 0; row < count; ++row) {
    auto slot = model.new_slot();
    alone.push_back(test::answer(model, slot, some_ids(3 + 5 * row, row), 20, sampling));
  }
  // All join at different steps, so that every step has another mix.
  std::vector<KvSlot> slots;
  std::vector<Sampler> samplers;
  std::vector<std::vector<int>> together(count);
  for (int row = 0; row < count; ++row) {
    slots.push_back(model.new_slot());
    samplers.emplace_back(sampling);
    const auto prompt = some_ids(3 + 5 * row, row);
    model.prefill(slots.back(), std::span(prompt).first(prompt.size() - 1));
    together[static_cast<std::size_t>(row)].push_back(prompt.back());
  }
  for (int step = 0; step < 20 + count; ++step) {
    std::vector<DecodeRow> rows;
    std::vector<std::size_t> who;
    for (std::size_t row = 0; row < count; ++row)
      if (step >= static_cast<int>(row) && together[row].size() <= 20) {
        rows.push_back({&slots[row], together[row].back(), &samplers[row]});
        who.push_back(row);
      }
    if (step % 2 == 1) {
      std::ranges::reverse(rows);
      std::ranges::reverse(who);
    }
    const auto decoded = model.decode(rows);
    for (std::size_t i = 0; i < who.size(); ++i) together[who[i]].push_back(decoded[i].token);
  }
  for (std::size_t row = 0; row < count; ++row)
    CHECK(std::vector<int>(together[row].begin() + 1, together[row].end()) == alone[row]);
}

TEST_CASE("any number of threads computes the same", "[causal_lm]") {
  for (const std::string& name : checkpoints) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      auto model = tiny_model(name, threads);
      auto slot = model.new_slot();
      model.prefill(slot, some_ids(40));
      results.push_back(model.logits(slot, 9));
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE("what was cut off a slot leaves no trace", "[causal_lm]") {
  auto model = tiny_model();
  for (const int kept : {0, 1, 15, 16, 17, 30}) {
    auto cut = model.new_slot();
    model.prefill(cut, some_ids(45));
    cut.truncate(kept);
    CHECK(cut.length() == kept);
    const auto more = some_ids(10, 100);
    model.prefill(cut, more);

    auto fresh = model.new_slot();
    auto ids = some_ids(45);
    ids.resize(static_cast<std::size_t>(kept));
    model.prefill(fresh, ids);
    model.prefill(fresh, more);
    CHECK(cut.tokens() == fresh.tokens());
    CHECK(model.logits(cut, 5) == model.logits(fresh, 5));
  }
}

TEST_CASE("a slot copied from another goes its own way", "[causal_lm]") {
  auto model = tiny_model();
  for (const int length : {0, 5, 16, 20, 40}) {
    auto original = model.new_slot();
    model.prefill(original, some_ids(40));
    auto copy = model.new_slot();
    model.prefill(copy, some_ids(3, 50));  // forgotten by copy_from
    copy.copy_from(original, length);
    CHECK(copy.length() == length);
    const auto left = some_ids(9, 120);
    const auto right = some_ids(9, 170);
    model.prefill(copy, left);  // one writes, then the other
    original.truncate(length);
    model.prefill(original, right);

    auto prefix = some_ids(40);
    prefix.resize(static_cast<std::size_t>(length));
    const auto fresh_logits = [&](const std::vector<int>& tail) {
      auto fresh = model.new_slot();
      model.prefill(fresh, prefix);
      model.prefill(fresh, tail);
      return model.logits(fresh, 5);
    };
    CHECK(model.logits(copy, 5) == fresh_logits(left));
    CHECK(model.logits(original, 5) == fresh_logits(right));
  }
}

TEST_CASE("slots share the blocks of a common beginning, and an empty slot takes no memory", "[causal_lm]") {
  auto model = tiny_model();
  auto original = model.new_slot();
  CHECK(original.bytes() == 0);
  model.prefill(original, some_ids(48));
  const std::size_t block = 16 * model.info().kv_bytes_per_token;
  CHECK(original.bytes() == 3 * block);
  auto copy = model.new_slot();
  copy.copy_from(original, 40);
  CHECK(copy.bytes() == 3 * block);  // counted in full, though shared
  copy.clear();
  CHECK(copy.bytes() == 0);
  original.truncate(17);
  CHECK(original.bytes() == 2 * block);
}

TEST_CASE("a row whose logits are not finite is told, and its slot is as before the step", "[causal_lm]") {
  // Token 9's row of the embedding is NaN; the output matrix is another one.
  const test::TemporaryFolder folder;
  test::copy_with_config(test::tiny("tiny_llama"), folder.path(), [](nlohmann::json&) {});
  {
    const weights::Safetensors file(folder.path());
    const weights::TensorView& view = file.at("model.embed_tokens.weight");
    std::ifstream in(folder.path() / "model.safetensors", std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const std::string found(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
    const std::size_t at = bytes.find(found);
    REQUIRE(at != std::string::npos);
    const std::string nan{"\xc0\x7f", 2};  // bfloat16
    bytes.replace(at + 9 * 32 * 2, 2, nan);
    std::filesystem::remove(folder.path() / "model.safetensors");
    std::ofstream(folder.path() / "model.safetensors", std::ios::binary) << bytes;
  }
  auto model = LanguageModel::load(folder.path(), {.threads = 2});
  std::vector<KvSlot> slots;
  std::vector<Sampler> samplers(3, Sampler({}));
  std::vector<DecodeRow> rows;
  for (std::size_t row = 0; row < 3; ++row) {
    slots.push_back(model.new_slot());
    model.prefill(slots[row], some_ids(20));
  }
  for (std::size_t row = 0; row < 3; ++row) rows.push_back({&slots[row], row == 1 ? 9 : 5, &samplers[row]});
  const auto decoded = model.decode(rows);
  CHECK(decoded[0].finite);
  CHECK(decoded[0].token >= 0);
  CHECK_FALSE(decoded[1].finite);
  CHECK(decoded[1].token == -1);
  CHECK(decoded[2].token == decoded[0].token);
  CHECK(slots[0].length() == 21);
  CHECK(slots[1].length() == 20);
  CHECK(samplers[1].chosen().empty());
  rows[1].token = 5;  // and goes on as if nothing had happened
  CHECK(model.decode({&rows[1], 1})[0].token == decoded[0].token);
}

TEST_CASE("a token that does not exist or does not fit changes nothing", "[causal_lm]") {
  auto model = tiny_model();
  auto slot = model.new_slot();
  Sampler sampler({});
  CHECK_THROWS_AS(model.prefill(slot, std::vector<int>{1, 272}), std::out_of_range);
  CHECK_THROWS_AS(model.prefill(slot, std::vector<int>{-1}), std::out_of_range);
  CHECK(slot.length() == 0);
  CHECK_THROWS_AS(model.prefill(slot, some_ids(129)), std::length_error);
  CHECK(slot.length() == 0);
  model.prefill(slot, some_ids(127));
  const std::vector<DecodeRow> last{{&slot, 4, &sampler}};
  CHECK(model.decode(last)[0].finite);
  CHECK(slot.length() == 128);
  CHECK_THROWS_AS(model.decode(last), std::length_error);
  CHECK_THROWS_AS(model.logits(slot, 4), std::length_error);
  CHECK(slot.length() == 128);
  CHECK(sampler.chosen().size() == 1);
  auto other = model.new_slot();
  CHECK_THROWS_AS(model.decode(std::vector<DecodeRow>{{&other, 4, &sampler}, {&slot, 4, &sampler}}),
                  std::length_error);
  CHECK_THROWS_AS(model.decode(std::vector<DecodeRow>{{&other, 4, &sampler}, {&other, 5, &sampler}}),
                  std::invalid_argument);
  CHECK(other.length() == 0);
  CHECK_THROWS_AS(other.truncate(1), std::out_of_range);
  CHECK_THROWS_AS(other.copy_from(slot, 129), std::out_of_range);
}

TEST_CASE("a model tells its limits, its ends and its sampling", "[causal_lm]") {
  auto llama = tiny_model("tiny_llama");
  CHECK(llama.info().context_tokens == 128);
  CHECK(llama.info().vocabulary == 272);
  CHECK(llama.info().stop_ids == std::vector<int>{257, 260});  // of the file and of the template
  CHECK(llama.info().weight_bytes > 80'000);
  CHECK(llama.info().sampling.temperature == Approx(0.2));
  CHECK(llama.tokenizer().size() == 261);
  const auto prompt = llama.chat_template().prompt("be kind", {}, {});
  CHECK(std::ranges::all_of(prompt, [](int id) { return id >= 0 && id < 261; }));
}

TEST_CASE("a folder that does not fit together is told in a sentence", "[causal_lm]") {
  const test::TemporaryFolder folder;
  const auto load_with = [&](auto&& change) {
    test::copy_with_config(test::tiny("tiny_llama"), folder.path(), change);
    return LanguageModel::load(folder.path(), {.threads = 1});
  };
  const auto set = [](const char* field, nlohmann::json value) {
    return [field, value](nlohmann::json& config) { config[field] = value; };
  };
  CHECK_THROWS_WITH(load_with(set("model_type", "mamba")), ContainsSubstring("model_type is \"mamba\""));
  CHECK_THROWS_WITH(load_with(set("hidden_size", "wide")), ContainsSubstring("hidden_size"));
  CHECK_THROWS_WITH(load_with(set("num_key_value_heads", 3)), ContainsSubstring("num_key_value_heads"));
  CHECK_THROWS_WITH(load_with(set("rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}})),
                    ContainsSubstring("\"yarn\""));
  CHECK_THROWS_WITH(load_with(set("num_hidden_layers", 3)), ContainsSubstring("model.layers.2"));
  CHECK_THROWS_WITH(load_with(set("intermediate_size", 96)), ContainsSubstring("another shape"));
  CHECK_THROWS_WITH(load_with(set("tie_word_embeddings", true)), ContainsSubstring("lm_head"));
  CHECK_THROWS_WITH(load_with(set("sampling", {{"temperature", -1.0}})), ContainsSubstring("temperature"));
  CHECK_THROWS_WITH(load_with(set("eos_token_id", "end")), ContainsSubstring("eos_token_id"));
  CHECK_THROWS_WITH(load_with([](nlohmann::json& config) { config.erase("chat_template"); }),
                    ContainsSubstring("chat_template is missing"));
  CHECK_THROWS_AS(LanguageModel::load(folder.path() / "nowhere"), std::runtime_error);
}
