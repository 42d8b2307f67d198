// Tested by test/engine/models/starter/prompt_test.cpp.
#include "engine/models/starter/prompt.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/models/context_window.hpp"

namespace parley::starter {
namespace {

using engine::ContextItem;
using engine::ItemKind;
using engine::Role;

// What the language model is told where the user's sound held no words, so that it asks instead of inventing.
constexpr std::string_view nothing_understood =
    "(The user said nothing that could be understood. Ask in one short sentence what you can do for them.)";

// The beginning of a call's arguments: a small model that has the first name before it fills in the value
// instead of repeating the schema.
std::string arguments_opening(const engine::Tool& tool) {
  using nlohmann::json;
  const json schema = json::parse(tool.parameters, nullptr, /*allow_exceptions=*/false);
  if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].is_object()) return "{";
  const json& properties = schema["properties"];
  std::string first;
  if (schema.contains("required") && schema["required"].is_array() && !schema["required"].empty() &&
      schema["required"][0].is_string()) {
    first = schema["required"][0].get<std::string>();
  }
  const auto property = properties.find(first);
  if (property == properties.end()) return "{";
  const bool text = property->is_object() && property->value("type", json()) == "string";
  return "{" + json(first).dump() + (text ? ": \"" : ":");
}

std::string call_opening(const engine::TurnRequest& request) {
  using Mode = engine::ToolChoice::Mode;
  if (request.tools.empty()) return {};
  if (request.tool_choice.mode == Mode::required && request.tools.size() > 1)
    return "<tool_call>\n{\"name\": \"";
  if (request.tool_choice.mode != Mode::named && request.tool_choice.mode != Mode::required) return {};
  const bool named = request.tool_choice.mode == Mode::named;
  const auto tool = std::find_if(request.tools.begin(), request.tools.end(), [&](const engine::Tool& one) {
    return !named || one.name == request.tool_choice.name;
  });
  if (tool == request.tools.end()) {
    throw std::invalid_argument("There is no tool named \"" + request.tool_choice.name + "\" to be called.");
  }
  return "<tool_call>\n{\"name\": " + nlohmann::json(tool->name).dump() +
         ", \"arguments\": " + arguments_opening(*tool);
}

}  // namespace

Prompt make_prompt(const causal_lm::LanguageModel& brain, const StarterDialogue& dialogue,
                   const engine::TurnRequest& request, int context_tokens) {
  const text::ChatTemplate& chat = brain.chat_template();
  const auto& context = request.context;
  const std::vector<engine::Tool> none;
  const auto& tools = request.tool_choice.mode == engine::ToolChoice::Mode::none ? none : request.tools;

  Prompt prompt;
  prompt.forced = call_opening(request);
  const std::vector<int> forced = brain.tokenizer().encode(prompt.forced);
  const auto system = chat.prompt(request.instructions, tools, {});
  prompt.system_length = static_cast<int>(system.size() - chat.opening().size());

  std::vector<std::vector<int>> answer_ids(context.size());
  std::vector<text::ChatItem> items(context.size());
  for (std::size_t i = 0; i < context.size(); ++i) {
    const ContextItem& item = context[i];
    const bool answer = item.kind == ItemKind::message && item.role == Role::assistant;
    if (answer) answer_ids[i] = dialogue.answers.ids_of(item.text, brain.tokenizer());
    items[i] = {item.kind, item.role, item.text, item.name, answer_ids[i]};
    if (item.speech && item.text.empty()) items[i].text = nothing_understood;
  }

  const models::ContextWindow window{context_tokens, static_cast<int>(forced.size()), request.retention};
  models::items_to_drop(context, window, prompt.system_length, [&](std::size_t dropped) {
    prompt.ids = chat.prompt(request.instructions, tools, std::span(items).subspan(dropped));
    return static_cast<int>(prompt.ids.size());
  });
  prompt.ids.insert(prompt.ids.end(), forced.begin(), forced.end());
  return prompt;
}

}  // namespace parley::starter
