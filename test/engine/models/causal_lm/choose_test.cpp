// What a device chooses against what Sampler chooses.
#include "engine/models/causal_lm/aten/choose.hpp"

#include <ATen/ATen.h>

#include <limits>
#include <random>

#include "engine/models/causal_lm/sampler.hpp"
#include "test/support/catch.hpp"

namespace parley {
namespace {

using causal_lm::Penalised;
using causal_lm::Sampler;
using engine::Sampling;

constexpr int words = 300;

const std::vector<Sampling> ways{
    {.temperature = 0.0F},
    {.temperature = 0.0F, .repetition_penalty = 1.3F},
    {.temperature = 1.0F},
    {.temperature = 0.7F, .top_p = 0.9F},
    {.temperature = 0.7F, .top_p = 0.9F, .repetition_penalty = 1.05F},
    {.temperature = 1.5F, .top_k = 7},
    {.temperature = 1.5F, .top_p = 0.3F, .top_k = 20},
    {.temperature = 1.0F, .top_p = 0.0F},
    {.temperature = 1.0F, .top_k = 1},
    {.temperature = 0.2F, .top_p = 0.999F, .top_k = 5000, .repetition_penalty = 0.8F},
};

// Steps of 0.25, so that many are equally likely.
std::vector<float> some_logits(std::mt19937& random) {
  std::vector<float> logits;
  for (int id = 0; id < words; ++id) logits.push_back(static_cast<float>(random() % 40) * 0.25F - 5.0F);
  return logits;
}

at::Tensor floats(std::vector<float> values) { return at::tensor(values); }

}  // namespace

TEST_CASE("a device chooses what the host would, whatever the settings of its rows", "[causal_lm][choose]") {
  std::mt19937 random(3);
  const std::vector<int> prompt{5, 17, 17, 250, 0};
  std::vector<Sampler> hosts, draws;  // twins: one chooses, the other's numbers are given to the device
  std::vector<float> temperatures, top_ps, penalties;
  std::vector<std::int64_t> top_ks;
  for (std::size_t way = 0; way < ways.size(); ++way) {
    Sampling settings = ways[way];
    settings.seed = way;
    hosts.emplace_back(settings, Penalised::all).read(prompt);
    draws.emplace_back(settings, Penalised::all);
    temperatures.push_back(settings.temperature);
    top_ps.push_back(settings.top_p);
    penalties.push_back(settings.repetition_penalty);
    top_ks.push_back(settings.top_k);
  }
  const auto rows = static_cast<std::int64_t>(ways.size());
  const at::Tensor seen = at::zeros({rows, words}, at::kBool);
  for (const int id : prompt) seen.select(1, id).fill_(true);
  for (int step = 0; step < 60; ++step) {
    std::vector<int> expected;
    std::vector<float> all;
    std::vector<double> drawn;
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const std::vector<float> logits = some_logits(random);
      expected.push_back(hosts[way].next(logits));
      all.insert(all.end(), logits.begin(), logits.end());
      drawn.push_back(draws[way].draw());
    }
    const at::Tensor chosen = causal_lm::choose(at::tensor(all).view({rows, words}),
                                                {.temperature = floats(temperatures),
                                                 .top_p = floats(top_ps),
                                                 .penalty = floats(penalties),
                                                 .top_k = at::tensor(top_ks),
                                                 .seen = seen,
                                                 .drawn = at::tensor(drawn, at::kDouble)},
                                                /*draws=*/true);
    for (std::size_t way = 0; way < ways.size(); ++way) {
      INFO("settings " << way << ", step " << step);
      const auto row = static_cast<std::int64_t>(way);
      CHECK(chosen[row].item<std::int64_t>() == expected[way]);
      seen[row][expected[way]].fill_(true);
    }
  }
}

TEST_CASE("rows whose logits are no numbers choose nothing, and their neighbours do not mind",
          "[causal_lm][choose]") {
  const at::Tensor logits = at::zeros({4, words});
  logits[0][7].fill_(2.0);
  logits[1][3].fill_(std::numeric_limits<float>::quiet_NaN());
  logits[2][3].fill_(std::numeric_limits<float>::infinity());
  logits[3][9].fill_(30.0);
  const causal_lm::Choice by{.temperature = floats({0, 1, 1, 1}),
                             .top_p = floats({1, 0.5F, 1, 0.9F}),
                             .penalty = floats({1, 1, 1, 1}),
                             .top_k = at::zeros({4}, at::kLong),
                             .seen = at::zeros({4, words}, at::kBool),
                             .drawn = at::full({4}, 0.5, at::kDouble)};
  const at::Tensor chosen = causal_lm::choose(logits, by, /*draws=*/true);
  CHECK(at::equal(chosen, at::tensor({7, -1, -1, 9}, at::kLong)));
  const at::Tensor likeliest = causal_lm::choose(logits, by, /*draws=*/false);
  CHECK(at::equal(likeliest, at::tensor({7, -1, -1, 9}, at::kLong)));
}

}  // namespace parley
