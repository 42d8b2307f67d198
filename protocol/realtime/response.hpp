// Responses: what a client asks for in `response.create`, and the object that tells how it went
// (protocol.md 4.1, 6.3).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/realtime/item.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::protocol {

using Metadata = std::map<std::string, std::string>;  // <= 16 pairs, key <= 64, value <= 512 bytes

struct ItemReference {
  std::string id;
  bool operator==(const ItemReference&) const = default;
};
using InputItem = std::variant<Item, ItemReference>;

// What `response.create` says; an empty field takes the session's value. Never changes the session.
struct ResponseParameters {
  std::optional<std::string> instructions = {};
  std::optional<Modality> output_modality = {};
  std::optional<AudioFormat> output_format = {};
  std::optional<std::string> voice = {};
  std::optional<std::vector<Tool>> tools = {};
  std::optional<ToolChoice> tool_choice = {};
  std::optional<TokenLimit> max_output_tokens = {};
  bool out_of_band = false;                          // conversation: "none"
  std::optional<std::vector<InputItem>> input = {};  // replaces the context; empty list: no context
  std::optional<Metadata> metadata = {};
};

// Tokens of one response, as in engine::Usage.
struct Usage {
  int input_text_tokens = 0;
  int input_audio_tokens = 0;
  int cached_text_tokens = 0;
  int cached_audio_tokens = 0;
  int output_text_tokens = 0;
  int output_audio_tokens = 0;
  bool operator==(const Usage&) const = default;
};

enum class ResponseStatus { in_progress, completed, cancelled, failed, incomplete };

enum class CancelReason { turn_detected, client_cancelled };
enum class IncompleteReason { max_output_tokens, content_filter };

// `status_details`; empty for a response in progress or completed.
struct StatusDetails {
  std::optional<CancelReason> cancelled = {};       // with ResponseStatus::cancelled
  std::optional<IncompleteReason> incomplete = {};  // with ResponseStatus::incomplete
  std::optional<Error> failed = {};                 // with ResponseStatus::failed: code and message are told
  bool operator==(const StatusDetails&) const = default;
};

struct Response {
  std::string id = {};  // resp_...
  ResponseStatus status = ResponseStatus::in_progress;
  StatusDetails status_details = {};
  std::vector<Item> output = {};
  std::optional<std::string> conversation_id = {};  // empty (null): out of band
  Modality output_modality = Modality::audio;
  TokenLimit max_output_tokens = {};
  AudioFormat output_format = {};
  std::string voice = {};
  std::optional<Usage> usage = {};  // null until done
  std::optional<Metadata> metadata = {};
  bool operator==(const Response&) const = default;
};

}  // namespace parley::protocol
