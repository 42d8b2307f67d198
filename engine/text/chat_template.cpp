#include "engine/text/chat_template.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "engine/text/spaced_json.hpp"

namespace parley::text {
namespace {

using Form = ChatTemplateSettings::Form;
using engine::ItemKind;
using engine::Role;

struct FormTokens {
  std::string_view name;
  std::vector<std::string_view> needed, stops;  // of the stops, a tokenizer may lack some
  std::string_view first;                       // of every prompt
  std::string_view before_role, after_role, closing;
};

const FormTokens& tokens_of(Form form) {
  static const FormTokens chatml{"chatml",
                                 {"<|im_start|>", "<|im_end|>"},
                                 {"<|im_end|>", "<|endoftext|>"},
                                 "",
                                 "<|im_start|>",
                                 "\n",
                                 "<|im_end|>\n"};
  static const FormTokens llama3{
      "llama3",
      {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
      {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"},
      "<|begin_of_text|>",
      "<|start_header_id|>",
      "<|end_header_id|>\n\n",
      "<|eot_id|>"};
  return form == Form::chatml ? chatml : llama3;
}

constexpr std::string_view before_tools =
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
constexpr std::string_view after_tools =
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

std::string_view name_of(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
  }
  return "";
}

std::string_view role_of(const ChatItem& item) {
  if (item.kind == ItemKind::function_call) return "assistant";
  if (item.kind == ItemKind::function_call_output) return "user";
  return name_of(item.role);
}

bool continues_message(const ChatItem& item, const ChatItem& before) {
  if (item.kind == ItemKind::function_call_output) return before.kind == ItemKind::function_call_output;
  return item.kind == ItemKind::function_call && role_of(before) == "assistant";
}

// A JSON string; broken UTF-8 in it becomes U+FFFD.
std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

std::string signature(const engine::Tool& tool) {
  std::string json = R"({"type": "function", "function": {"name": )" + json_string(tool.name);
  if (!tool.description.empty()) json += R"(, "description": )" + json_string(tool.description);
  if (!tool.parameters.empty()) {
    const auto parameters = spaced_json(tool.parameters);
    if (!parameters)
      throw std::invalid_argument("the parameters of the tool \"" + tool.name +
                                  "\" should be a JSON schema, but are not JSON");
    json += R"(, "parameters": )" + *parameters;
  }
  return json + "}}";
}

std::string call_text(const ChatItem& call) {
  return "<tool_call>\n{\"name\": " + json_string(call.name) +
         ", \"arguments\": " + spaced_json(call.text).value_or(std::string(call.text)) + "}\n</tool_call>";
}

// Llama's templates trim what they are given; the others take it as it is.
std::string_view content(Form form, std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  if (form == Form::chatml) return text;
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

std::string string_in(const nlohmann::json& settings, const char* key) {
  const auto found = settings.find(key);
  if (found == settings.end()) return "";
  if (!found->is_string())
    throw std::runtime_error("\"chat_template." + std::string(key) + "\" should be a text, but is " +
                             found->dump());
  return found->get<std::string>();
}

}  // namespace

ChatTemplateSettings ChatTemplateSettings::read(const nlohmann::json& chat_template) {
  if (!chat_template.is_object())
    throw std::runtime_error("\"chat_template\" should be an object with a \"form\", but is " +
                             chat_template.dump() + "; convert the model again");
  const std::string form = string_in(chat_template, "form");
  if (form != "chatml" && form != "llama3")
    throw std::runtime_error(R"("chat_template.form" should be "chatml" or "llama3", but is ")" + form +
                             "\"; convert the model again");
  return {form == "chatml" ? Form::chatml : Form::llama3, string_in(chat_template, "default_instructions"),
          string_in(chat_template, "preamble")};
}

ChatTemplate::ChatTemplate(ChatTemplateSettings settings, const ByteLevelBpe& tokenizer)
    : settings_(std::move(settings)), tokenizer_(&tokenizer) {
  const FormTokens& form = tokens_of(settings_.form);
  for (const std::string_view token : form.needed)
    if (!tokenizer.id_of(token))
      throw std::runtime_error("the chat template is of the form " + std::string(form.name) +
                               ", but the tokenizer has no token " + std::string(token) +
                               "; template and tokenizer should come from one model");
  open_message(opening_, name_of(Role::assistant));
  write_form(closing_, form.closing);
  for (const std::string_view token : form.stops)
    if (const auto id = tokenizer.id_of(token)) stop_.push_back(*id);
}

std::vector<int> ChatTemplate::prompt(std::string_view instructions, std::span<const engine::Tool> tools,
                                      std::span<const ChatItem> items) const {
  std::vector<int> ids;
  write_form(ids, tokens_of(settings_.form).first);
  if (instructions.empty() && !items.empty() && items[0].kind == ItemKind::message &&
      items[0].role == Role::system) {
    instructions = items[0].text;
    items = items.subspan(1);
  } else if (instructions.empty()) {
    instructions = settings_.default_instructions;
  }
  write_system(ids, instructions, tools);
  for (std::size_t i = 0; i < items.size(); ++i)
    write_item(ids, items[i], i > 0 && continues_message(items[i], items[i - 1]));
  ids.insert(ids.end(), opening_.begin(), opening_.end());
  return ids;
}

void ChatTemplate::write_system(std::vector<int>& ids, std::string_view instructions,
                                std::span<const engine::Tool> tools) const {
  instructions = content(settings_.form, instructions);
  if (settings_.preamble.empty() && instructions.empty() && tools.empty()) return;
  std::string text = settings_.preamble;
  text += instructions;
  if (!tools.empty()) {
    if (!instructions.empty()) text += "\n\n";
    text += before_tools;
    for (const engine::Tool& tool : tools) text.append("\n").append(signature(tool));
    text += after_tools;
  }
  open_message(ids, name_of(Role::system));
  write(ids, text);
  ids.insert(ids.end(), closing_.begin(), closing_.end());
}

void ChatTemplate::write_item(std::vector<int>& ids, const ChatItem& item, bool continues) const {
  if (continues)
    ids.resize(ids.size() - closing_.size());
  else
    open_message(ids, role_of(item));
  const std::string_view joint = continues ? "\n" : "";
  if (!item.ids.empty())
    ids.insert(ids.end(), item.ids.begin(), item.ids.end());
  else if (item.kind == ItemKind::function_call)
    write(ids, std::string(joint) + call_text(item));
  else if (item.kind == ItemKind::function_call_output)
    write(ids, std::string(joint).append("<tool_response>\n").append(item.text).append("\n</tool_response>"));
  else
    write(ids, content(settings_.form, item.text));
  ids.insert(ids.end(), closing_.begin(), closing_.end());
}

void ChatTemplate::open_message(std::vector<int>& ids, std::string_view role) const {
  const FormTokens& form = tokens_of(settings_.form);
  write_form(ids, std::string(form.before_role).append(role).append(form.after_role));
}

void ChatTemplate::write(std::vector<int>& ids, std::string_view text) const {
  const std::vector<int> written = tokenizer_->encode(text, SpecialTokens::as_text);
  ids.insert(ids.end(), written.begin(), written.end());
}

void ChatTemplate::write_form(std::vector<int>& ids, std::string_view text) const {
  const std::vector<int> written = tokenizer_->encode(text, SpecialTokens::parsed);
  ids.insert(ids.end(), written.begin(), written.end());
}

}  // namespace parley::text
