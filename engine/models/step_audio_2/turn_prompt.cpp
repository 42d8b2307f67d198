// Tested by test/engine/models/step_audio_2/turn_prompt_test.cpp.
#include "engine/models/step_audio_2/turn_prompt.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "engine/models/context_window.hpp"
#include "engine/models/step_audio_2/text/interleaver.hpp"
#include "engine/models/step_audio_2/text/tool_calls.hpp"

namespace parley::step_audio_2 {
namespace {

using engine::ContextItem;
using engine::ItemKind;
using engine::Output;
using engine::Role;
using text::SpecialTokens;

constexpr const char* tts_start = "<tts_start>";

TextItem ours(std::string text) { return {std::move(text), SpecialTokens::parsed}; }
TextItem theirs(std::string text) { return {std::move(text), SpecialTokens::as_text}; }

// Puts the messages of a conversation together, oldest first.
class MessagesOf {
 public:
  MessagesOf(const Core& core, const StepAudio2Dialogue& dialogue)
      : core_(core), dialogue_(dialogue), answers_(dialogue.answers.search()) {}

  void add_system(const std::string& instructions, std::span<const engine::Tool> tools) {
    if (!instructions.empty()) add("system", theirs(instructions));
    if (!tools.empty()) add("tool_json_schemas", theirs(tool_schemas(tools)));
  }

  void add_items(std::span<const ContextItem> items) {
    while (!items.empty()) items = items.subspan(add_first(items));
  }

  void add_opening(Message message) { messages_.push_back(std::move(message)); }

  const std::vector<Message>& messages() const { return messages_; }
  const std::vector<const HeardItem*>& sounds() const { return sounds_; }

 private:
  template <typename Content>
  void add(std::string role, Content content) {
    messages_.push_back({std::move(role), std::move(content), true});
  }

  // Answers how many items became messages.
  std::size_t add_first(std::span<const ContextItem> items) {
    const ContextItem& item = items.front();
    if (item.kind == ItemKind::function_call_output) {
      std::vector<MessageItem> result{theirs(item.text)};
      if (!core_.recipe.tool_result_suffix.empty()) result.push_back(theirs(core_.recipe.tool_result_suffix));
      add("input", std::move(result));
      return 1;
    }
    if (item.kind == ItemKind::function_call || item.role == Role::assistant) return add_answer(items);
    const auto heard = item.speech ? dialogue_.heard.find(item.id) : dialogue_.heard.end();
    if (heard != dialogue_.heard.end()) {
      sounds_.push_back(&heard->second);
      add("human", std::vector<MessageItem>{AudioItem{heard->second.piece_tokens()}});
    } else {
      add(item.role == Role::system ? "system" : "human", theirs(item.text));
    }
    return 1;
  }

  // An answer and the calls that followed it are one message.
  std::size_t add_answer(std::span<const ContextItem> items) {
    const ContextItem* answer = items.front().kind == ItemKind::message ? &items.front() : nullptr;
    const std::size_t first_call = answer ? 1 : 0;
    std::size_t end = first_call;
    while (end < items.size() && items[end].kind == ItemKind::function_call) ++end;
    const auto calls = items.subspan(first_call, end - first_call);
    const std::string text = answer ? answer->text : "";
    std::vector<MessageItem> content;
    const PastAnswer* past = answers_.find(text);
    const bool has_calls = past && past->calls == static_cast<int>(calls.size());
    if (past && (past->spoken || past->text == text)) {
      std::vector<int> ids = past->ids;
      const bool cut = answer && (answer->heard_ms || past->text != text);
      if (cut && past->spoken) ids = up_to(ids, answer->heard_ms, past->ms_a_token);
      if (!has_calls && !cut) ids = without_aside(ids, past->spoken);
      if (past->spoken) content.push_back(ours(tts_start));
      content.push_back(TokenItem{std::move(ids)});
      if (has_calls && !cut) {
        messages_.push_back({"assistant", std::move(content), true});
        return end;
      }
    } else if (!text.empty()) {
      content.push_back(theirs(text));
    }
    for (const ContextItem& call : calls) add_call(content, call);
    if (!content.empty()) messages_.push_back({"assistant", std::move(content), true});
    return end;
  }

  // A client wrote name and arguments: they hold no special tokens.
  static void add_call(std::vector<MessageItem>& content, const ContextItem& call) {
    content.push_back(ours(std::string(call_begin)));
    content.push_back(theirs(call_body(call.name, call.text)));
    content.push_back(ours(std::string(call_end)));
  }

  // What was heard of a spoken answer, brought to its end.
  std::vector<int> up_to(const std::vector<int>& ids, const std::optional<int>& heard_ms,
                         double ms_a_token) const {
    if (!heard_ms) return ids;
    std::vector<int> heard = heard_part(ids, static_cast<int>(*heard_ms / ms_a_token),
                                        [this](int id) { return core_.vocabulary.is_speech_code(id); });
    if (heard.empty() || heard.back() != core_.vocabulary.tts_end) heard.push_back(core_.vocabulary.tts_end);
    return heard;
  }

  // Calls that are no longer in the conversation go.
  std::vector<int> without_aside(const std::vector<int>& ids, bool spoken) const {
    if (!spoken) return ids;
    const auto end = std::ranges::find(ids, core_.vocabulary.tts_end);
    return {ids.begin(), end == ids.end() ? end : end + 1};
  }

  const Core& core_;
  const StepAudio2Dialogue& dialogue_;
  PastAnswers::Search answers_;
  std::vector<Message> messages_;
  std::vector<const HeardItem*> sounds_;
};

// The rows of heard speech take the places of their patches.
TurnPrompt put_together(const Core& core, const MessagesOf& conversation) {
  Prompt written = core.writer.write(conversation.messages());
  TurnPrompt prompt;
  for (const AudioGroup& group : written.groups) {
    const HeardItem& heard = *conversation.sounds()[static_cast<std::size_t>(group.item)];
    const causal_lm::EmbeddedRows& rows = heard.pieces[static_cast<std::size_t>(group.piece)].rows;
    for (int row = 0; row < group.tokens; ++row)
      written.ids[static_cast<std::size_t>(group.first + row)] = rows.id(row);
    prompt.rows.push_back(rows);
  }
  prompt.ids = std::move(written.ids);
  return prompt;
}

std::string demanded_call(const engine::TurnRequest& request) {
  using Mode = engine::ToolChoice::Mode;
  const auto& [mode, name] = request.tool_choice;
  if (request.tools.empty() || (mode != Mode::named && mode != Mode::required)) return {};
  if (mode == Mode::required && request.tools.size() > 1) return "<tool_call>function\n";
  const auto tool = std::ranges::find_if(
      request.tools, [&](const engine::Tool& one) { return mode == Mode::required || one.name == name; });
  if (tool == request.tools.end())
    throw std::invalid_argument("There is no tool named \"" + name + "\" to be called.");
  return "<tool_call>function\n" + tool->name + "\n";
}

Message opening(const Core& core, const engine::TurnRequest& request, const std::string& forced) {
  Message message{"assistant", {}, false};
  if (!forced.empty()) {
    message.content = ours(forced);
  } else if (core.recipe.thinking) {
    message.content = ours(core.recipe.thinking->begin);
  } else if (request.output == Output::speech) {
    message.content = ours(tts_start);
  }
  return message;
}

}  // namespace

TurnPrompt make_turn_prompt(const Core& core, const StepAudio2Dialogue& dialogue,
                            const engine::TurnRequest& request, int context_tokens) {
  const std::vector<engine::Tool> none;
  const auto& tools = request.tool_choice.mode == engine::ToolChoice::Mode::none ? none : request.tools;
  const std::string& instructions =
      request.instructions.empty() ? core.recipe.instructions : request.instructions;

  MessagesOf system(core, dialogue);
  system.add_system(instructions, tools);
  const int system_length = static_cast<int>(core.writer.write(system.messages()).ids.size());
  const std::string forced = demanded_call(request);

  TurnPrompt prompt;
  const auto write = [&](std::size_t dropped) {
    MessagesOf conversation = system;
    conversation.add_items(std::span(request.context).subspan(dropped));
    conversation.add_opening(opening(core, request, forced));
    prompt = put_together(core, conversation);
    return static_cast<int>(prompt.ids.size());
  };
  models::items_to_drop(request.context, {context_tokens, 0, request.retention}, system_length, write);
  prompt.system_length = system_length;
  prompt.forced = forced;
  return prompt;
}

TurnPrompt make_transcription_prompt(const Core& core, const StepAudio2Dialogue& dialogue,
                                     const engine::TurnRequest& request, int context_tokens) {
  const std::string& instructions = core.recipe.mode(transcription_mode).instructions;
  const std::vector<ContextItem> item{request.context.back()};
  MessagesOf conversation(core, dialogue);
  conversation.add_system(instructions, {});
  conversation.add_items(item);
  conversation.add_opening({"assistant", {}, false});
  TurnPrompt prompt = put_together(core, conversation);
  models::items_to_drop(item, {context_tokens, 0, std::nullopt}, 0,
                        [&](std::size_t) { return static_cast<int>(prompt.ids.size()); });
  return prompt;
}

}  // namespace parley::step_audio_2
