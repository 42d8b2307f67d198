// Tested by test/engine/models/step_audio_2/text/prompt_test.cpp.
#include "engine/models/step_audio_2/text/prompt.hpp"

#include <algorithm>

namespace parley::step_audio_2 {
namespace {

constexpr std::string_view begin_of_turn = "<|BOT|>";
constexpr std::string_view end_of_turn = "<|EOT|>";

void append(std::vector<int>& ids, const std::vector<int>& more) {
  ids.insert(ids.end(), more.begin(), more.end());
}

}  // namespace

Prompt PromptWriter::write(std::span<const Message> messages) const {
  Prompt prompt;
  int audio_items = 0;
  for (const Message& message : messages) {
    std::vector<Stretch>& places = prompt.items.emplace_back();
    const auto place_from = [&](int begin) {
      places.push_back({begin, static_cast<int>(prompt.ids.size())});
    };
    const auto here = [&] { return static_cast<int>(prompt.ids.size()); };
    const std::string header = chat_ ? std::string(begin_of_turn) + message.role + "\n" : std::string();
    const std::vector<int> header_ids = tokenizer_->encode(header, text::SpecialTokens::parsed);
    if (const auto* string = std::get_if<TextItem>(&message.content)) {
      write_string(prompt, header, *string, header_ids, message.ended);
    } else {
      append(prompt.ids, header_ids);
      if (const auto* list = std::get_if<std::vector<MessageItem>>(&message.content)) {
        for (const MessageItem& item : *list) {
          const int begin = here();
          write_item(prompt, item, audio_items);
          place_from(begin);
        }
        if (chat_ && message.ended) prompt.ids.push_back(vocabulary_.end_of_turn);
      }
    }
    prompt.message_ends.push_back(here());
  }
  return prompt;
}

// The header, the text and the end in one call of the tokenizer. What a person typed is kept from becoming
// special tokens by leaving the frame out of the call, which splits the text at the same places.
void PromptWriter::write_string(Prompt& prompt, const std::string& header, const TextItem& content,
                                const std::vector<int>& header_ids, bool ended) const {
  const int begin = static_cast<int>(prompt.ids.size());
  const bool frame_ends = chat_ && ended;
  if (content.special == text::SpecialTokens::parsed) {
    const std::string whole = header + content.text + std::string(frame_ends ? end_of_turn : "");
    append(prompt.ids, tokenizer_->encode(whole, text::SpecialTokens::parsed));
  } else {
    std::string_view role_line = header;
    if (chat_) {
      prompt.ids.push_back(vocabulary_.begin_of_turn);
      role_line.remove_prefix(begin_of_turn.size());
    }
    append(prompt.ids, tokenizer_->encode(std::string(role_line) + content.text));
    if (frame_ends) prompt.ids.push_back(vocabulary_.end_of_turn);
  }
  const int end = static_cast<int>(prompt.ids.size()) - (frame_ends ? 1 : 0);
  prompt.items.back().push_back({std::min(begin + static_cast<int>(header_ids.size()), end), end});
}

void PromptWriter::write_item(Prompt& prompt, const MessageItem& item, int& audio_items) const {
  if (const auto* string = std::get_if<TextItem>(&item)) {
    append(prompt.ids, tokenizer_->encode(string->text, string->special));
  } else if (const auto* raw = std::get_if<TokenItem>(&item)) {
    append(prompt.ids, raw->ids);
  } else {
    const auto& pieces = std::get<AudioItem>(item).piece_tokens;
    for (std::size_t piece = 0; piece < pieces.size(); ++piece) {
      const int tokens = pieces[piece];
      if (tokens <= 0) continue;
      prompt.ids.push_back(vocabulary_.audio_start);
      prompt.groups.push_back(
          {static_cast<int>(prompt.ids.size()), tokens, audio_items, static_cast<int>(piece)});
      prompt.ids.insert(prompt.ids.end(), static_cast<std::size_t>(tokens), vocabulary_.audio_patch);
      prompt.ids.push_back(vocabulary_.audio_end);
    }
    ++audio_items;
  }
}

}  // namespace parley::step_audio_2
