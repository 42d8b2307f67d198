#include "engine/models/whisper/decoding.hpp"

#include <algorithm>
#include <cmath>

#include "engine/kernels/functions.hpp"

namespace parley::whisper {
namespace {

constexpr float forbidden = -1e30F;  // finite: sums of infinities are no numbers

std::vector<float> bias_of(const Generation& generation, int text_tokens, bool first) {
  std::vector<float> bias(static_cast<std::size_t>(text_tokens), 0.0F);
  auto forbid = [&](const std::vector<int>& ids) {
    for (int id : ids)
      if (id < text_tokens) bias[static_cast<std::size_t>(id)] = forbidden;
  };
  forbid(generation.suppress_tokens);
  if (first) forbid(generation.begin_suppress_tokens);
  return bias;
}

}  // namespace

// Special tokens follow the end of text in all Whisper vocabularies.
DecodingRules::DecodingRules(const Generation& generation, int vocabulary)
    : end_of_text_(generation.end_of_text),
      text_tokens_(std::min(generation.end_of_text + 1, vocabulary)),
      bias_(bias_of(generation, text_tokens_, /*first=*/false)),
      first_bias_(bias_of(generation, text_tokens_, /*first=*/true)),
      languages_(generation.languages) {}

Choice DecodingRules::choose(std::span<float> logits, bool first) const {
  const kernels::Functions& kernel = kernels::functions();
  const std::vector<float>& bias = first ? first_bias_ : bias_;
  for (std::size_t id = 0; id < bias.size(); ++id) logits[id] += bias[id];
  const int count = static_cast<int>(bias.size());
  float highest = 0;
  const int best = kernel.argmax(logits.data(), count, &highest);
  if (best < 0) return {end_of_text_, forbidden};
  return {best, -std::log(kernel.exp_sum(logits.data(), count, highest, 1.0F, logits.data()))};
}

double DecodingRules::probability(std::span<float> logits, int token) {
  const kernels::Functions& kernel = kernels::functions();
  const int count = static_cast<int>(logits.size());
  float highest = 0;
  if (kernel.argmax(logits.data(), count, &highest) < 0) return 1.0;
  const float sum = kernel.exp_sum(logits.data(), count, highest, 1.0F, logits.data());
  return logits[static_cast<std::size_t>(token)] / sum;
}

std::string DecodingRules::detect_language(std::span<const float> logits) const {
  auto less_probable = [&](const auto& a, const auto& b) {
    return logits[static_cast<std::size_t>(a.second)] < logits[static_cast<std::size_t>(b.second)];
  };
  return std::max_element(languages_.begin(), languages_.end(), less_probable)->first;
}

std::size_t repeated_tail(std::span<const int> tokens) {
  constexpr std::size_t longest_period = 40, short_tail = 16, long_tail = 36;
  for (std::size_t period = 1; period <= longest_period && 3 * period <= tokens.size(); ++period) {
    std::size_t same = 0;  // tokens at the end that equal those a period before them
    while (same + period < tokens.size() &&
           tokens[tokens.size() - 1 - same] == tokens[tokens.size() - 1 - same - period])
      ++same;
    std::size_t times = same / period + 1;
    if ((times >= 4 && times * period >= short_tail) || (times >= 3 && times * period >= long_tail))
      return same;
  }
  return 0;
}

}  // namespace parley::whisper
