// Items: what a conversation is made of (protocol.md 6.1).
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::protocol {

enum class ItemStatus { in_progress, completed, incomplete };
enum class Role { system, user, assistant };

// ---- content parts of messages

struct InputText {  // system, user
  std::string text;
  bool operator==(const InputText&) const = default;
};

struct InputAudio {  // user
  Bytes audio = {};  // in the session's input format; on the wire only in `conversation.item.retrieved`
  std::optional<std::string> transcript = {};  // null until known
  bool operator==(const InputAudio&) const = default;
};

struct OutputText {  // assistant
  std::string text;
  bool operator==(const OutputText&) const = default;
};

struct OutputAudio {  // assistant; made by the server only
  std::string transcript;
  Bytes audio = {};  // in the session's output format; on the wire only in `conversation.item.retrieved`
  bool operator==(const OutputAudio&) const = default;
};

using ContentPart = std::variant<InputText, InputAudio, OutputText, OutputAudio>;

// ---- the three kinds of items

struct Message {
  Role role = Role::user;
  std::vector<ContentPart> content = {};
  bool operator==(const Message&) const = default;
};

struct FunctionCall {
  std::string name;
  std::string call_id;    // as decoded: empty where the client left it to the server
  std::string arguments;  // JSON text as the model wrote it, not checked
  bool operator==(const FunctionCall&) const = default;
};

struct FunctionCallOutput {
  std::string call_id;
  std::string output;
  bool operator==(const FunctionCallOutput&) const = default;
};

using ItemBody = std::variant<Message, FunctionCall, FunctionCallOutput>;

struct Item {
  std::string id;  // as decoded: empty where the client left it to the server
  ItemStatus status = ItemStatus::completed;
  ItemBody body;
  bool operator==(const Item&) const = default;
};

}  // namespace parley::protocol
