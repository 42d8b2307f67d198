// conversation.json: what `parley generate` and `parley score` are asked.
//
//   {"messages": [{"role": "system", "content": "You are a helpful assistant."},
//                 {"role": "user", "content": [{"type": "audio", "file": "question.wav"},
//                                              {"type": "text", "text": "What is asked here?"}]},
//                 {"role": "assistant", "content": "<tts_start>", "eot": false}]}
//
// "content" is a string, a list of items, or null, which opens the turn of that role for an answer in text.
// Items: "text"; "audio", a recording whose path is relative to the JSON's folder; "token", a list of ids
// taken as they are. "eot": false leaves a message open. "score": true, on a message or an item, marks what
// is scored. The role "user" is the family's "human".
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace parley::step_audio_2 {

struct FileText {
  std::string text;
};
struct FileAudio {
  std::filesystem::path file;
};
struct FileTokens {
  std::vector<int> ids;
};

struct FileItem {
  std::variant<FileText, FileAudio, FileTokens> content;
  bool score = false;
};

struct FileMessage {
  std::string role;
  std::variant<std::monostate, std::string, std::vector<FileItem>> content;
  bool ended = true;
  bool score = false;
};

struct ConversationFile {
  // Throws std::runtime_error with a sentence that names the file, the message and the item, and says what
  // was expected.
  static ConversationFile read(const std::filesystem::path& file);

  std::vector<FileMessage> messages;
};

}  // namespace parley::step_audio_2
