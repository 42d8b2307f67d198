// The session object (protocol.md 3): the settings of one connection, as echoed in full to the client.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/native/parameters.hpp"

namespace parley::protocol {

// JSON text of a value whose shape is open (tool parameters, tracing); always well-formed.
struct RawJson {
  std::string text = "null";
  bool operator==(const RawJson&) const = default;
};

enum class SessionType { realtime, transcription };
enum class Modality { text, audio };

struct AudioFormat {
  enum class Encoding { pcm, pcmu, pcma };  // pcm: 16-bit little-endian mono
  Encoding encoding = Encoding::pcm;
  int rate = 24000;  // Hz; with pcmu and pcma 8000, and not echoed

  int bytes_per_second() const { return encoding == Encoding::pcm ? 2 * rate : rate; }
  bool operator==(const AudioFormat&) const = default;
};

struct NoiseReduction {
  enum class Type { near_field, far_field };
  Type type = Type::near_field;
  std::optional<double> strength = {};
  bool operator==(const NoiseReduction&) const = default;
};

// Transcription of what the user says; absent members were not sent and are not echoed.
struct Transcription {
  std::optional<std::string> model = {};     // any name: the local recognizer answers
  std::optional<std::string> language = {};  // ISO 639-1
  std::optional<std::string> prompt = {};
  std::optional<std::string> delay = {};
  std::optional<std::vector<std::string>> keywords = {};
  std::optional<std::vector<std::string>> languages = {};
  bool operator==(const Transcription&) const = default;
};

struct ServerVad {
  double threshold = 0.5;       // speech probability, 0..1
  int prefix_padding_ms = 300;  // audio before the detected start that belongs to the turn
  int silence_duration_ms = 500;
  std::optional<int> idle_timeout_ms = {};
  bool create_response = true;
  bool interrupt_response = true;
  bool operator==(const ServerVad&) const = default;
};

struct SemanticVad {
  enum class Eagerness { automatic, low, medium, high };
  Eagerness eagerness = Eagerness::automatic;
  bool create_response = true;
  bool interrupt_response = true;
  bool operator==(const SemanticVad&) const = default;
};

using TurnDetection = std::variant<ServerVad, SemanticVad>;

struct Tool {
  std::string name;
  std::optional<std::string> description = {};
  std::optional<RawJson> parameters = {};  // JSON schema, keys in the client's order
  bool operator==(const Tool&) const = default;
};

struct ToolChoice {
  enum class Mode { automatic, none, required, function };
  Mode mode = Mode::automatic;
  std::string name = {};  // with function
  bool operator==(const ToolChoice&) const = default;
};

struct TokenLimit {
  std::optional<int> tokens = {};  // empty: "inf"
  bool operator==(const TokenLimit&) const = default;
};

// What to do when the conversation outgrows the model's context.
struct Truncation {
  enum class Strategy { automatic, disabled, retention_ratio };
  Strategy strategy = Strategy::automatic;
  double retention_ratio = 1.0;  // with retention_ratio: 0..1
  std::optional<int> post_instructions_tokens = {};
  bool operator==(const Truncation&) const = default;
};

struct Session {
  SessionType type = SessionType::realtime;
  std::string id = {};     // sess_...
  std::string model = {};  // the local id, whatever the client asked for
  Modality output_modality = Modality::audio;
  std::string instructions = {};
  std::vector<Tool> tools = {};
  ToolChoice tool_choice = {};
  TokenLimit max_output_tokens = {};
  RawJson tracing = {};  // stored and echoed
  Truncation truncation = {};
  std::optional<std::vector<std::string>> include = {};
  std::int64_t expires_at = 0;  // Unix time, s

  // audio.input
  AudioFormat input_format = {};
  std::optional<Transcription> transcription = {};
  std::optional<NoiseReduction> noise_reduction = {};
  std::optional<TurnDetection> turn_detection = ServerVad{};

  // audio.output
  AudioFormat output_format = {};
  std::string voice = "default";
  double speed = 1.0;

  std::optional<native::Parameters> native = {};  // only when negotiated

  bool operator==(const Session&) const = default;
};

}  // namespace parley::protocol
