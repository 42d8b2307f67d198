// Writes a conversation as the tokens that an instruct model was trained on.
//
// A bundle's config.json names its template ("chat_template"); the converter recognises it from the
// checkpoint's own Jinja text. Known here:
//   smollm2   ChatML; without instructions the model's own default ones; tools by an instruction of ours
//   qwen2     ChatML; default instructions; tools in the Hermes form, answers as <tool_call>{...}</tool_call>
//   chatml    ChatML without default instructions
//   llama3    <|start_header_id|>role<|end_header_id|>
// What a person said is never read as a special token.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/byte_level_bpe.hpp"
#include "engine/turn.hpp"

namespace parley::text {

// One item as the template writes it. The views must live through the call.
struct ChatItem {
  engine::ItemKind kind = engine::ItemKind::message;
  engine::Role role = engine::Role::user;
  std::string_view text;  // function_call: its arguments; function_call_output: what it returned
  std::string_view name;  // function_call: the function
  std::span<const int>
      ids;  // an answer of ours: the tokens that were decoded, which are what the KV cache holds;
            // encoding its text again may split it differently. Empty: `text` is encoded.
};

// Immutable; any number of threads. The tokenizer must outlive it.
class ChatTemplate {
 public:
  // Throws std::runtime_error with a sentence for a name that is not known, or when the tokenizer lacks its
  // tokens.
  ChatTemplate(std::string_view name, const ByteLevelBpe& tokenizer);

  // Everything up to where the answer begins. Items are written one after the other and independently, so the
  // prompt of a longer conversation begins with the prompt of the shorter one, less opening().size() tokens.
  std::vector<int> prompt(std::string_view instructions, std::span<const engine::Tool> tools,
                          std::span<const ChatItem> items) const;

  std::vector<int> opening() const;                           // "<|im_start|>assistant\n": ends every prompt
  const std::vector<int>& stop_ids() const { return stop_; }  // tokens that end an answer; not part of it

 private:
  enum class Kind { smollm2, qwen2, chatml, llama3 };

  void write_system(std::vector<int>& ids, std::string_view instructions,
                    std::span<const engine::Tool> tools) const;
  void write_item(std::vector<int>& ids, const ChatItem& item) const;
  void open_message(std::vector<int>& ids, std::string_view role) const;
  void close_message(std::vector<int>& ids) const;
  void write(std::vector<int>& ids, std::string_view text) const;  // as text, never as special tokens

  Kind kind_;
  const ByteLevelBpe* tokenizer_;
  std::vector<int> stop_;
};

}  // namespace parley::text
