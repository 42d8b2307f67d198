// Which token comes next, and whether the decoder still makes sense. No tensors here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/models/whisper/config.hpp"

namespace parley::whisper {

struct Choice {
  int token = 0;
  double log_probability = 0;  // among the tokens that were allowed
};

// Greedy, without timestamps: only text and the end of it may be chosen, less what generation.json forbids.
class DecodingRules {
 public:
  explicit DecodingRules(const Generation& generation, int vocabulary);

  // Tokens from here on, all special, are never chosen as text.
  int text_tokens() const { return text_tokens_; }

  // logits: [vocabulary]; what they hold afterwards is of no use. `first`: nothing was chosen yet. Ties go to
  // the lower id. Logits that are no numbers end the text.
  Choice choose(std::span<float> logits, bool first) const;

  // The probability of one token among all: "no speech" at the start of the transcript. Uses the logits up,
  // too.
  static double probability(std::span<float> logits, int token);

  // The most probable of the languages, by ISO 639-1 code.
  std::string detect_language(std::span<const float> logits) const;

 private:
  int end_of_text_;
  int text_tokens_;
  const std::vector<float> bias_;        // [text_tokens()]: 0, or far below all logits
  const std::vector<float> first_bias_;  // the same for the first token
  std::map<std::string, int> languages_;
};

// Greedy decoders may run in circles. Answers how many tokens at the end are repetitions: the same tokens
// four times in a row and 16 tokens in all ("no, no, no, no" is something that people say), or three times
// and 36; the first time is not counted. 0 when all is well.
std::size_t repeated_tail(std::span<const int> tokens);

}  // namespace parley::whisper
