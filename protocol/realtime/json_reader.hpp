// Reads one JSON text into a tree, within bounds that hold while it is being read.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "protocol/realtime/codec.hpp"
#include "protocol/realtime/error.hpp"

namespace parley::protocol {

using Json =
    nlohmann::ordered_json;  // keys stay in the client's order: a tool's schema reaches the model as written

// Depth and number of values are counted as they come, so a hostile text costs no more than those bounds. The
// error of a text that is not JSON is invalid_json; one that is too deep or too large is invalid_value.
Result<Json> read_json(std::string_view text, const DecodeLimits& limits);

// "an object", "a string", "an integer": how error sentences name what came.
std::string_view kind_of(const Json& value);

}  // namespace parley::protocol
