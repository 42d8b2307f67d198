#include "engine/text/tool_call_reader.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/text/spaced_json.hpp"

namespace parley::text {
namespace {

constexpr std::string_view begin_tag = "<tool_call>";
constexpr std::string_view end_tag = "</tool_call>";
constexpr std::string_view blanks = " \t\r\n\f\v";

// Writing JSON out takes a stack frame a level; no function wants that many.
constexpr int deepest_call = 100;

struct Tag {
  std::size_t at;
  bool begins;
  std::size_t after() const { return at + (begins ? begin_tag : end_tag).size(); }
};

std::optional<Tag> first_tag(std::string_view text) {
  const std::size_t begin = text.find(begin_tag);
  const std::size_t end = text.find(end_tag);
  if (begin == end) return std::nullopt;  // neither
  return Tag{std::min(begin, end), begin < end};
}

// How much of the text's end may become a tag.
std::size_t unfinished_tag(std::string_view text) {
  for (std::size_t size = std::min(text.size(), end_tag.size() - 1); size > 0; --size) {
    const std::string_view tail = text.substr(text.size() - size);
    if (begin_tag.starts_with(tail) || end_tag.starts_with(tail)) return size;
  }
  return 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

// Some models write the arguments as a string that holds the JSON, and Llama's call them parameters.
std::string arguments_of(const nlohmann::ordered_json& call) {
  auto found = call.find("arguments");
  if (found == call.end()) found = call.find("parameters");
  if (found == call.end() || found->is_null()) return "{}";
  if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    if (trimmed(text).starts_with('{') && nlohmann::json::accept(text)) return text;
  }
  return found->dump();
}

std::optional<ToolCallText> call_in(std::string_view block) {
  if (nesting(block) > deepest_call) return std::nullopt;
  const auto call = nlohmann::ordered_json::parse(block, nullptr, /*allow_exceptions=*/false);
  if (!call.is_object()) return std::nullopt;
  const auto name = call.find("name");
  if (name == call.end() || !name->is_string() || *name == "") return std::nullopt;
  return ToolCallText{name->get<std::string>(), arguments_of(call)};
}

}  // namespace

ToolCallReader::Piece ToolCallReader::push(std::string_view text) {
  Piece piece;
  waiting_ += text;
  read(piece, /*at_end=*/false);
  return piece;
}

ToolCallReader::Piece ToolCallReader::finish() {
  Piece piece;
  read(piece, /*at_end=*/true);
  if (!in_call_) piece.text += white_space_;
  *this = ToolCallReader();
  return piece;
}

void ToolCallReader::read(Piece& piece, bool at_end) {
  std::string_view rest = waiting_;
  while (const auto tag = first_tag(rest)) {
    const std::string_view before = rest.substr(0, tag->at);
    if (in_call_)
      end_block(piece, before);
    else
      say(piece, before);
    white_space_.clear();
    in_call_ = tag->begins;
    after_call_ = true;
    rest.remove_prefix(tag->after());
  }
  const std::size_t perhaps_tag = unfinished_tag(rest);
  if (in_call_ && at_end) {
    end_block(piece, rest.substr(0, rest.size() - perhaps_tag));
    rest = {};
  } else if (!in_call_) {
    const std::size_t told = at_end ? rest.size() : rest.size() - perhaps_tag;
    say(piece, rest.substr(0, told));
    rest.remove_prefix(told);
  }
  waiting_.erase(0, waiting_.size() - rest.size());
}

void ToolCallReader::say(Piece& piece, std::string_view text) {
  if (after_call_) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (text.empty()) return;
    after_call_ = false;
  }
  const std::size_t words_end = text.find_last_not_of(blanks) + 1;  // 0: blanks alone
  if (words_end > 0) {
    piece.text.append(white_space_).append(text.substr(0, words_end));
    white_space_.clear();
  }
  white_space_ += text.substr(words_end);
}

void ToolCallReader::end_block(Piece& piece, std::string_view block) {
  block = trimmed(block);
  if (auto call = call_in(block))
    piece.calls.push_back(std::move(*call));
  else
    piece.broken.emplace_back(block);
}

}  // namespace parley::text
