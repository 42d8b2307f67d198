// Tested by test/engine/models/step_audio_2/text/tool_calls_test.cpp.
#include "engine/models/step_audio_2/text/tool_calls.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/text/spaced_json.hpp"

namespace parley::step_audio_2 {
namespace {

constexpr std::string_view kind_of_call = "function";

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

// The text up to the next line break, which is taken away too; nothing where there is none.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return without_blanks(line);
}

}  // namespace

std::string tool_schemas(std::span<const engine::Tool> tools) {
  std::string schemas = "[";
  for (const engine::Tool& tool : tools) {
    const auto parameters = text::spaced_json(tool.parameters.empty() ? "{}" : tool.parameters);
    if (!parameters)
      throw std::invalid_argument("The parameters of the tool \"" + tool.name +
                                  "\" are not JSON; expected a JSON schema, got: " + tool.parameters);
    schemas += schemas.size() > 1 ? ", " : "";
    schemas += R"({"type": "function", "function": {"name": )" + nlohmann::json(tool.name).dump();
    if (!tool.description.empty())
      schemas += R"(, "description": )" + nlohmann::json(tool.description).dump();
    schemas += R"(, "parameters": )" + *parameters + "}}";
  }
  return schemas + "]";
}

std::optional<text::ToolCallText> read_call(std::string_view block) {
  block = without_blanks(block);
  const auto kind = take_line(block);
  if (!kind || *kind != kind_of_call) return std::nullopt;
  auto name = take_line(block);
  if (!name) {
    name = without_blanks(block);  // a call without arguments
    block = "{}";
  }
  if (name->empty()) return std::nullopt;
  return text::ToolCallText{std::string(*name), std::string(without_blanks(block))};
}

std::string call_body(std::string_view name, std::string_view arguments) {
  return std::string(kind_of_call) + "\n" + std::string(name) + "\n" + std::string(arguments);
}

}  // namespace parley::step_audio_2
