// The target of a request: path and query.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::server {

std::string_view path_of(std::string_view target);  // before the query

// The first value of `name` in the query, percent-decoded; "" for a name without a value.
std::optional<std::string> query_value(std::string_view target, std::string_view name);

}  // namespace parley::server
