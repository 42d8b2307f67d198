// Writes a conversation as the tokens that an instruct model was trained on.
//
// A bundle's config.json describes its template ("chat_template"), which scripts/convert/chat_templates.py
// recognised in the checkpoint's own Jinja text. Two forms are known:
//   chatml   <|im_start|>role\n ... <|im_end|>\n                              (SmolLM2, Qwen2, Hermes)
//   llama3   <|start_header_id|>role<|end_header_id|>\n\n ... <|eot_id|>      (Llama 3, 3.1, 3.2)
// Tools are written in the Hermes form that Qwen2 and Hermes were trained on, for the other models as well:
// signatures in the system message, calls as <tool_call>{...}</tool_call> (ToolCallReader reads them), what
// they returned as <tool_response> in a user's message.
//
// What a person said is never read as a special token.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/byte_level_bpe.hpp"
#include "engine/turn.hpp"

namespace parley::text {

// What tells one model's template from another's.
struct ChatTemplateSettings {
  enum class Form { chatml, llama3 };

  Form form = Form::chatml;
  std::string default_instructions;  // where the conversation brings none; "": then no system message
  std::string preamble;              // opens the system message, before any instructions

  // The value of "chat_template" in config.json. Throws std::runtime_error with a sentence.
  static ChatTemplateSettings read(const nlohmann::json& chat_template);
};

// One item as the template writes it. The views must live through the call.
struct ChatItem {
  engine::ItemKind kind = engine::ItemKind::message;
  engine::Role role = engine::Role::user;
  std::string_view text;  // function_call: its arguments; function_call_output: what it returned
  std::string_view name;  // function_call: the function
  std::span<const int>
      ids;  // an answer of ours: the tokens that were decoded, which are what the KV cache holds;
            // encoding its text again may split it differently. Empty: `text` is encoded. A call's ids
            // include its tags and what stands between it and the text before it.
};

// Immutable; any number of threads. The tokenizer must outlive it.
class ChatTemplate {
 public:
  // Throws std::runtime_error with a sentence when the tokenizer lacks the form's tokens.
  ChatTemplate(ChatTemplateSettings settings, const ByteLevelBpe& tokenizer);

  // Everything up to where the answer begins. Without instructions a system message that comes first takes
  // their place, as in the models' own templates.
  //
  // Items are written one after the other, so the prompt of a longer conversation begins with the prompt of
  // the shorter one less opening().size() tokens; and less closing().size() more where the next item
  // continues the last one's message: a call after the answer that made it, one output after another.
  // Throws std::invalid_argument with a sentence for a tool whose parameters are not JSON.
  std::vector<int> prompt(std::string_view instructions, std::span<const engine::Tool> tools,
                          std::span<const ChatItem> items) const;

  const std::vector<int>& opening() const {
    return opening_;
  }  // "<|im_start|>assistant\n": ends every prompt
  const std::vector<int>& closing() const { return closing_; }  // "<|im_end|>\n": ends every message
  const std::vector<int>& stop_ids() const { return stop_; }    // tokens that end an answer; not part of it

 private:
  void write_system(std::vector<int>& ids, std::string_view instructions,
                    std::span<const engine::Tool> tools) const;
  void write_item(std::vector<int>& ids, const ChatItem& item, bool continues) const;
  void open_message(std::vector<int>& ids, std::string_view role) const;
  void write(std::vector<int>& ids, std::string_view text) const;  // as text, never as special tokens
  void write_form(std::vector<int>& ids, std::string_view) const;  // words of the form; special tokens count

  ChatTemplateSettings settings_;
  const ByteLevelBpe* tokenizer_;
  std::vector<int> opening_, closing_, stop_;
};

}  // namespace parley::text
