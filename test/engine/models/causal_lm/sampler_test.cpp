#include "engine/models/causal_lm/sampler.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "test/engine/models/causal_lm/tiny_models.hpp"
#include "test/support/catch.hpp"

using parley::causal_lm::Candidate;
using parley::causal_lm::Penalised;
using parley::causal_lm::Sampler;
using parley::engine::Sampling;

namespace {

std::map<int, int> drawn(const Sampling& settings, const std::vector<float>& logits, int count) {
  std::map<int, int> times;
  for (int seed = 0; seed < count; ++seed) {
    Sampling seeded = settings;
    seeded.seed = static_cast<std::uint64_t>(seed);
    ++times[Sampler(seeded).next(logits)];
  }
  return times;
}

}  // namespace

TEST_CASE("temperature 0 takes the largest logit, and of equals the lowest id", "[causal_lm][sampler]") {
  Sampler sampler({});
  std::vector<float> logits(37, -1.0F);
  logits[5] = logits[30] = 2.0F;
  CHECK(sampler.next(logits) == 5);
  logits[36] = 2.5F;
  CHECK(sampler.next(logits) == 36);
  CHECK(sampler.chosen() == std::vector<int>{5, 36});
}

TEST_CASE("tokens are drawn as often as their probabilities say", "[causal_lm][sampler]") {
  const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.2F)};
  const int count = 4000;
  auto times = drawn({.temperature = 1.0F}, logits, count);
  CHECK(times[0] == Approx(0.5 * count).margin(150));
  CHECK(times[1] == Approx(0.3 * count).margin(150));
  CHECK(times[2] == Approx(0.2 * count).margin(150));
  times = drawn({.temperature = 0.5F}, logits, count);  // squares the probabilities
  CHECK(times[0] == Approx(0.25 / 0.38 * count).margin(150));
  CHECK(times[2] == Approx(0.04 / 0.38 * count).margin(150));
}

TEST_CASE("top_p keeps the fewest tokens that reach it, top_k so many", "[causal_lm][sampler]") {
  const std::vector<float> logits{std::log(0.1F), std::log(0.45F), std::log(0.05F), std::log(0.4F)};
  CHECK(drawn({.temperature = 1.0F, .top_p = 0.4F}, logits, 300).size() == 1);
  auto two = drawn({.temperature = 1.0F, .top_p = 0.8F}, logits, 500);
  CHECK(two.size() == 2);
  CHECK(two[1] + two[3] == 500);
  CHECK(drawn({.temperature = 1.0F, .top_p = 0.9F}, logits, 500).size() == 3);
  CHECK(drawn({.temperature = 1.0F, .top_k = 1}, logits, 300).size() == 1);
  CHECK(drawn({.temperature = 1.0F, .top_k = 3}, logits, 1000).size() == 3);
  // of the two that top_k leaves, 0.45 / 0.85 > 0.5 is enough
  CHECK(drawn({.temperature = 1.0F, .top_p = 0.5F, .top_k = 2}, logits, 300).size() == 1);
  CHECK(drawn({.temperature = 1.0F, .top_p = 1e-6F}, logits, 300).size() == 1);  // never none
}

TEST_CASE("the repetition penalty makes what was chosen lately less likely", "[causal_lm][sampler]") {
  std::vector<float> logits(100, -20.0F);
  logits[7] = 2.0F;
  logits[8] = 1.9F;
  logits[9] = -1.0F;
  Sampler sampler({.repetition_penalty = 2.0F});
  CHECK(sampler.next(logits) == 7);
  CHECK(sampler.next(logits) == 8);  // 7 is now at 1.0
  CHECK(sampler.next(logits) == 7);  // 1.0 against 0.95: counted once, however often it was chosen
  logits[7] = logits[8] = -0.6F;     // negative ones are multiplied: -1.2
  CHECK(sampler.next(logits) == 9);
  for (std::size_t id = 10; id < 80; ++id) {
    logits[id] = 50.0F;
    sampler.next(logits);
    logits[id] = -20.0F;
  }
  logits[7] = -0.9F;  // chosen too long ago to count
  logits[8] = -5.0F;
  logits[9] = -1.0F;
  CHECK(sampler.next(logits) == 7);
}

TEST_CASE("the same seed gives the same answer", "[causal_lm][sampler]") {
  std::vector<float> logits(1000);
  for (std::size_t id = 0; id < logits.size(); ++id) logits[id] = std::sin(static_cast<float>(id * id));
  const Sampling settings{.temperature = 0.8F, .top_p = 0.9F, .repetition_penalty = 1.1F, .seed = 42};
  Sampler first(settings), second(settings);
  Sampling other_settings = settings;
  other_settings.seed = 43;
  Sampler other(other_settings);
  for (int i = 0; i < 50; ++i) {
    CHECK(first.next(logits) == second.next(logits));
    other.next(logits);
  }
  CHECK(first.chosen() != other.chosen());
}

TEST_CASE("logits that are not finite are refused and nothing is chosen", "[causal_lm][sampler]") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()})
    for (const std::size_t at : {0U, 3U, 8U}) {
      Sampler sampler({.temperature = 0.7F});
      std::vector<float> logits(9, 1.0F);
      logits[at] = bad;
      CHECK_THROWS_AS(sampler.next(logits), std::domain_error);
      CHECK(sampler.chosen().empty());
    }
}

TEST_CASE("what may be chosen, and how likely, is what transformers leaves", "[causal_lm][sampler][parity]") {
  const parley::weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/step_audio_2/sampling.safetensors");
  int cases = 0;
  for (const auto& [tensor, view] : file.tensors()) {
    if (!tensor.ends_with(".settings")) continue;
    ++cases;
    const std::string name = tensor.substr(0, tensor.find('.'));
    INFO(name);
    const auto settings = parley::test::numbers<float>(file, tensor);
    Sampler sampler({.temperature = settings[0],
                     .top_p = settings[1],
                     .top_k = static_cast<int>(settings[2]),
                     .repetition_penalty = settings[3]},
                    Penalised::all);
    sampler.read(parley::test::numbers<int>(file, name + ".read"));
    const auto choices = sampler.choices(parley::test::numbers<float>(file, name + ".logits"));
    double total = 0.0;
    for (const Candidate& candidate : choices) total += candidate.weight;
    const auto ids = parley::test::numbers<int>(file, name + ".ids");
    const auto chances = parley::test::numbers<float>(file, name + ".chances");
    REQUIRE(choices.size() == ids.size());
    std::map<int, double> chance;
    for (const Candidate& candidate : choices) chance[candidate.id] = candidate.weight / total;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      REQUIRE(chance.contains(ids[i]));
      CHECK(chance[ids[i]] == Approx(chances[i]).epsilon(1e-4).margin(1e-7));
    }
  }
  CHECK(cases == 11);
}

TEST_CASE("over all that was read, the penalty counts the prompt and whatever was chosen long ago",
          "[causal_lm][sampler]") {
  std::vector<float> logits(100, -20.0F);
  logits[7] = 2.0F;
  logits[8] = 1.9F;
  Sampler sampler({.repetition_penalty = 2.0F}, Penalised::all);
  sampler.read(std::vector<int>{7, -3, 7});  // -3 is a row of heard speech
  CHECK(sampler.next(logits) == 8);
  for (std::size_t id = 10; id < 90; ++id) {
    logits[id] = 50.0F;
    sampler.next(logits);
    logits[id] = -20.0F;
  }
  logits[9] = 0.97F;
  CHECK(sampler.next(logits) == 7);  // 1.0 against 0.97 and 0.95
}
