#include "engine/text/spaced_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace parley::text {
namespace {

// Calls outside(c) for each character that is not in a string, inside(c) for the others.
template <typename Outside, typename Inside>
void walk(std::string_view json, Outside outside, Inside inside) {
  bool in_string = false;
  bool escaped = false;
  for (const char c : json) {
    if (!in_string && c != '"') {
      outside(c);
      continue;
    }
    inside(c);
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = c == '\\' && !escaped;
  }
}

}  // namespace

std::optional<std::string> spaced_json(std::string_view json) {
  if (!nlohmann::json::accept(json)) return std::nullopt;
  std::string spaced;
  spaced.reserve(json.size() + json.size() / 8);
  walk(
      json,
      [&](char c) {
        if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) return;
        spaced += c;
        if (c == ',' || c == ':') spaced += ' ';
      },
      [&](char c) { spaced += c; });
  return spaced;
}

int nesting(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  walk(
      json,
      [&](char c) {
        if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
        if (c == '}' || c == ']') --depth;
      },
      [](char) {});
  return deepest;
}

}  // namespace parley::text
