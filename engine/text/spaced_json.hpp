// JSON as the models saw it in training: Python's json.dumps puts a space after each comma and colon, and
// which tokens a model knows depends on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::text {

// The same JSON on one line with these spaces and no others; members keep their order, numbers and strings
// their spelling. Nothing if `json` is not JSON. Any depth.
std::optional<std::string> spaced_json(std::string_view json);

// How deep its arrays and objects lie in each other; of text that is not JSON, something.
int nesting(std::string_view json);

}  // namespace parley::text
