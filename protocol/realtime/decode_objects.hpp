// The objects inside client events, each decoded from the value at a path; what is wrong goes to the
// Decoding.
#pragma once

#include <string>
#include <vector>

#include "protocol/realtime/fields.hpp"
#include "protocol/realtime/item.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/session_update.hpp"

namespace parley::protocol {

SessionChanges decode_session(Decoding& decoding, const Json& value, const std::string& path);
native::ParametersUpdate decode_native(Decoding& decoding, const Json& value, const std::string& path);
Item decode_item(Decoding& decoding, const Json& value, const std::string& path);
ResponseParameters decode_response(Decoding& decoding, const Json& value, const std::string& path);

// Members that sessions and responses share, read from `fields` under their own names.
std::optional<Modality> decode_output_modality(Fields& fields);
std::optional<std::vector<Tool>> decode_tools(Fields& fields);
std::optional<ToolChoice> decode_tool_choice(Fields& fields);
std::optional<TokenLimit> decode_token_limit(Fields& fields);
std::optional<AudioFormat> decode_format(Fields& fields);
std::optional<std::string> decode_voice(Fields& fields);
void skip_what_we_do_not_serve(
    Fields& fields);  // prompt, parallel_tool_calls, reasoning: checked for kind only

// Base64 audio of a member named `name`; absent: empty optional.
std::optional<Bytes> decode_audio(Fields& fields, std::string_view name);

}  // namespace parley::protocol
