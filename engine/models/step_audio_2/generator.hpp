// One answer to a conversation from a file, start to end, as the reference implementation computes it: for
// `parley generate` and `parley score`. No scheduler, no streaming.
//
// One thread. No ATen here.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/core.hpp"
#include "engine/models/step_audio_2/text/conversation_file.hpp"
#include "engine/turn.hpp"
#include "engine/weights/bundle.hpp"

namespace parley::step_audio_2 {

// An answer in two parts: text that ends with `end` is thinking, then `answer` opens the answer proper.
struct TwoPhases {
  std::string end;
  std::string answer;
};

struct GenerateSettings {
  engine::Sampling sampling;
  int max_new_tokens = 2048;
  std::vector<std::string> stop_strings = {};  // an answer whose text says one of them ends with it
  std::optional<TwoPhases> thinking =
      {};               // where the conversation opened it; each part may be max_new_tokens long
  bool stages = false;  // whether the result brings them
};

// What came in between, of each piece of heard sound in the order of the prompt.
struct PieceStages {
  std::vector<float> log_mel;      // [mels, frames]
  std::vector<float> encoder_out;  // [encoded, width]
  std::vector<float> adaptor_out;  // [tokens, hidden]
  int frames = 0;
};

struct Generated {
  std::vector<int> prompt_ids;    // heard sound as <audio_patch>
  std::vector<int> output_ids;    // without the stop token
  std::string thinking;           // what was thought before, its end included
  std::string text;               // of the ids below <audio_start>, special ones shown
  std::vector<int> audio_tokens;  // codes: ids from <audio_0> on, minus it
  std::string stop_reason;        // "stop", "stop_string", "max_new_tokens" or "context_full"
  double encode_ms = 0, prefill_ms = 0, decode_ms = 0;

  std::vector<PieceStages> pieces;
  std::vector<float> first_logits;  // [vocabulary]
};

struct ScoredToken {
  int position = 0;  // in the prompt
  int id = 0;
  double log_probability = 0;
};

struct Scored {
  std::vector<int> prompt_ids;
  std::vector<ScoredToken> tokens;
  double mean = 0;                   // of all of them
  std::optional<double> audio_mean;  // of the audio tokens among them: MCLP
};

class Generator {
 public:
  static Generator load(const weights::Bundle& bundle, const CoreOptions& options);

  const Core& core() const { return *core_; }
  int mels() const { return core_->ear.mels(); }

  // Throws std::runtime_error for a recording that cannot be read, std::length_error where the conversation
  // and the answer do not fit the model's context, std::domain_error when logits are not numbers.
  Generated generate(const ConversationFile& conversation, const GenerateSettings& settings);

  // The parts that the file marks, given all before them. Recordings are read as audio tokens, which
  // `tokenize` makes of 16 kHz mono.
  using Tokenize = std::function<std::vector<int>(std::span<const float> pcm_16k)>;
  Scored score(const ConversationFile& conversation, const Tokenize& tokenize);

 private:
  explicit Generator(std::unique_ptr<Core> core) : core_(std::move(core)) {}
  std::unique_ptr<Core> core_;
};

// A recording as the ear hears it: its first channel at 16 kHz. Throws std::runtime_error with a sentence.
std::vector<float> read_for_ear(const std::filesystem::path& file);

}  // namespace parley::step_audio_2
