// One spoken turn with an engine and no network: a recording in, the answer out, with the times between.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace parley::converse {

inline constexpr int input_rate_hz = 16'000;
inline constexpr int output_rate_hz = 24'000;

struct Request {
  std::string instructions;
  std::string voice;  // empty: the model's first
  std::optional<int> max_output_tokens;
  std::optional<engine::Sampling> sampling;  // empty: the bundle's own
};

// Times are milliseconds from the moment the whole utterance is at hand.
struct Answer {
  std::string heard;  // the transcript, "" from a model that makes none
  std::string said;
  std::vector<std::int16_t> pcm;  // 24 kHz, mono
  std::optional<double> asr_ms;   // the transcript is there
  std::optional<double> first_token_ms;
  std::optional<double> first_audio_ms;
  double total_ms = 0;
  engine::TurnStatus status = engine::TurnStatus::completed;
  engine::Usage usage;
  double audio_s() const { return static_cast<double>(pcm.size()) / output_rate_hz; }
};

// Opens a dialogue, lets the engine hear `pcm` (16 kHz mono, -1..1), has it answered, closes the dialogue.
// Nothing is kept from one call to the next. Throws std::runtime_error with a sentence when the turn fails or
// the engine tells nothing for two minutes.
Answer speak(engine::Engine& engine, std::span<const float> pcm, const Request& request);

}  // namespace parley::converse
