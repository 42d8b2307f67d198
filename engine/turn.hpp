// The values that cross between a conversation and the engine: what a turn is asked to do, and what it tells
// back. Plain data, no tensors: everything here is copied or moved from one thread to the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace parley::engine {

using Clock = std::chrono::steady_clock;
using DialogueId = std::uint64_t;  // one conversation, as the engine knows it; given out by Engine
using TurnId = std::uint64_t;      // unique in the process; 0 is no turn

enum class Role { system, user, assistant };
enum class ItemKind { message, function_call, function_call_output };

// One item of a conversation as the model reads it, oldest first in TurnRequest::context. `id` names it for
// as long as the dialogue lives: what a model computed for an id (features, tokens, KV cache) is reused as
// long as the item's text and `heard_ms` are what they were, so truncating, deleting and inserting items need
// no command of their own: the next request simply shows the conversation as it now is.
struct ContextItem {
  std::string id;
  ItemKind kind = ItemKind::message;
  Role role = Role::user;
  std::string text;             // what was typed; the transcript, where the item is speech
  bool speech = false;          // user: the words are the audio given to hear() under this id
  std::optional<int> heard_ms;  // assistant speech: cut here, in ms of its audio
  std::string name;             // function_call: the function
  std::string call_id;          // function_call and its output; the output or the arguments are in `text`
};

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  // JSON schema, as text
};

struct ToolChoice {
  enum class Mode { automatic, none, required, named } mode = Mode::automatic;
  std::string name;  // with named
};

enum class Output {
  speech,      // text and audio
  text,        // text alone
  transcript,  // no answer: only what the last context item says (input transcription without a response)
};

struct Sampling {
  float temperature = 0.0F;  // 0: greedy
  float top_p = 1.0F;
  int top_k = 0;  // 0: off
  float repetition_penalty = 1.0F;
  std::uint64_t seed = 0;
};

struct TurnRequest {
  TurnId turn =
      0;  // from Engine::next_turn_id(), for callers that must know it beforehand; 0: the engine gives one
  DialogueId dialogue = 0;
  std::string instructions;
  std::vector<ContextItem> context;  // the last one is what is answered
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  Output output = Output::speech;
  std::string voice;     // one of ModelInfo::voices; empty: the model's first
  float speed = 1.0F;    // 0.25..1.5
  std::string language;  // of the user's speech, ISO 639-1; empty: the bundle's setting
  std::optional<int> max_output_tokens;
  std::optional<Sampling> sampling;  // empty: the bundle's own
  // Where the context does not fit the model's: the oldest items are left out until this share of it is used.
  // Empty: nothing is left out and the turn fails with "context_overflow".
  std::optional<double> retention = 0.8;
  bool out_of_band = false;  // beside the dialogue's own turn; leaves its KV cache alone
  // May be thrown away: runs last, and the engine holds its events back, until Engine::commit_turn releases
  // them in one go. Cancelled instead, it tells only TurnDone.
  bool speculative = false;
  Clock::time_point turn_end{};  // when the user had finished; deadlines count from here
};

// ---- what the engine tells back, in the order it happens; each names its turn, so a late one can be dropped

struct Usage {
  int input_text_tokens = 0;
  int input_audio_tokens = 0;
  int cached_text_tokens = 0;  // of the input, those whose KV was reused
  int cached_audio_tokens = 0;
  int output_text_tokens = 0;
  int output_audio_tokens = 0;
};

// What a speech item of the context says. Comes before any text of the answer when the model recognizes
// first.
struct Transcript {
  TurnId turn;
  std::string item_id;
  std::string text;  // "" for silence
};

struct TextDelta {
  TurnId turn;
  std::string text;  // whole UTF-8 code points; concatenated deltas are the answer
};

// Speech of the answer, 24 kHz mono, in order and without gaps.
struct AudioChunk {
  TurnId turn;
  std::vector<std::int16_t> pcm;
  std::uint32_t text_cursor;  // code points of the answer's text that are spoken by the end of this chunk
};

struct ToolCall {
  TurnId turn;
  std::string name;
  std::string arguments;  // as the model wrote them, not checked
};

enum class TurnStatus { completed, cancelled, max_output_tokens, failed };

// Always the last event of a turn, whatever happened.
struct TurnDone {
  TurnId turn;
  TurnStatus status;
  std::string
      error_code;     // with failed: "engine_overloaded", "response_generation_failed", "context_overflow"
  std::string error;  // with failed: a sentence
  Usage usage;
};

using Event = std::variant<Transcript, TextDelta, AudioChunk, ToolCall, TurnDone>;

// Called on the engine's thread; must not block. False ends every turn of the dialogue, as its client cannot
// keep up, and the sink is not called again.
using EventSink = std::function<bool(Event)>;

}  // namespace parley::engine
