// A conversation as the tokens that the family was trained on.
//
//   <|BOT|>system\n ... <|EOT|><|BOT|>human\n ... <|EOT|><|BOT|>assistant\n          answered in text
//                                                         <|BOT|>assistant\n<tts_start>    or aloud
//
// A message whose content is one string is tokenised as a whole, one whose content is a list item by item:
// byte pairs are merged within a piece and never across two. mini-Base knows no messages: its prompt is the
// contents one after the other.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/models/step_audio_2/text/vocabulary.hpp"
#include "engine/text/byte_level_bpe.hpp"

namespace parley::step_audio_2 {

// Text as one piece. What a person typed never becomes a special token; what we or a file wrote may.
struct TextItem {
  std::string text;
  text::SpecialTokens special = text::SpecialTokens::as_text;
};

// Sound that the model hears: one group of patches for each of its pieces, of so many tokens. A piece too
// short for a token is left out.
struct AudioItem {
  std::vector<int> piece_tokens;
};

struct TokenItem {
  std::vector<int> ids;  // as they are
};

using MessageItem = std::variant<TextItem, AudioItem, TokenItem>;

struct Message {
  std::string role;  // system, human, assistant, tool_json_schemas, input, ...
  // Nothing: only the role's line. A TextItem: one string. Otherwise: a list.
  std::variant<std::monostate, TextItem, std::vector<MessageItem>> content;
  bool ended = true;  // false: left open, for the model to go on
};

// Where a prompt's audio goes.
struct AudioGroup {
  int first = 0;   // position of its first <audio_patch>
  int tokens = 0;  // how many there are
  int item = 0;    // which AudioItem, counted through all messages
  int piece = 0;   // which piece of it
};

struct Stretch {
  int begin = 0;
  int end = 0;
};

struct Prompt {
  std::vector<int> ids;
  std::vector<AudioGroup> groups;           // in order
  std::vector<std::vector<Stretch>> items;  // of each message: its string, or the items of its list
  std::vector<int> message_ends;            // of each message
};

// Immutable; any number of threads. The tokenizer must outlive it.
class PromptWriter {
 public:
  // `chat`: messages are framed by their roles.
  PromptWriter(const text::ByteLevelBpe& tokenizer, const Vocabulary& vocabulary, bool chat)
      : tokenizer_(&tokenizer), vocabulary_(vocabulary), chat_(chat) {}

  Prompt write(std::span<const Message> messages) const;

 private:
  void write_string(Prompt& prompt, const std::string& header, const TextItem& content,
                    const std::vector<int>& header_ids, bool ended) const;
  void write_item(Prompt& prompt, const MessageItem& item, int& audio_items) const;

  const text::ByteLevelBpe* tokenizer_;
  Vocabulary vocabulary_;
  bool chat_;
};

}  // namespace parley::step_audio_2
