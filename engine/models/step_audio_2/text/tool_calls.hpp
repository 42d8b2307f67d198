// How the family is told of tools, and how it calls them.
//
// Declared in a message of its own as a JSON array of functions; called behind the spoken part as
//   <tool_call>function\nNAME\n{"argument": ...}</tool_call>
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/tool_call_reader.hpp"
#include "engine/turn.hpp"

namespace parley::step_audio_2 {

// The JSON array of a tool_json_schemas message. Throws std::invalid_argument with a sentence for a tool
// whose parameters are not JSON.
std::string tool_schemas(std::span<const engine::Tool> tools);

// What stands between the tags of one call; nothing where it is not of this form. Arguments that are no JSON
// object are given as they are: the client is told what the model wrote.
std::optional<text::ToolCallText> read_call(std::string_view block);

// A call as the model writes it: the body between the two tags.
inline constexpr std::string_view call_begin = "<tool_call>", call_end = "</tool_call>";
std::string call_body(std::string_view name, std::string_view arguments);

}  // namespace parley::step_audio_2
