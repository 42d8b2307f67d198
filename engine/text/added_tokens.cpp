#include "engine/text/added_tokens.hpp"

#include <algorithm>
#include <utility>

#include "engine/text/pattern.hpp"
#include "engine/text/utf8.hpp"

namespace parley::text {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

std::string_view last_character(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_continuation(text[--begin])) continue;
  return text.substr(begin);
}

std::string_view first_character(std::string_view text) {
  return text.empty() ? text : text.substr(0, first_unit(text).size);
}

bool matches(const Pattern& pattern, std::string_view character) {
  return !character.empty() && Pattern::Search(pattern).find(character).has_value();
}

bool is_word(std::string_view character) {
  static const Pattern word("\\w");
  return matches(word, character);
}

bool is_space(std::string_view character) {
  static const Pattern space("\\s");
  return matches(space, character);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), trie_(1) {
  for (const AddedToken& token : tokens_) {
    if (token.content.empty()) continue;
    std::size_t node = 0;
    for (const char byte : token.content) {
      const auto [child, added] = trie_[node].children.try_emplace(byte, trie_.size());
      node = child->second;
      if (added) trie_.emplace_back();
    }
    trie_[node].token = &token;
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text) const {
  const AddedToken* longest = nullptr;
  std::size_t node = 0;
  for (const char byte : text) {
    const auto child = trie_[node].children.find(byte);
    if (child == trie_[node].children.end()) break;
    node = child->second;
    if (trie_[node].token != nullptr) longest = trie_[node].token;
  }
  return longest;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool with_special) const {
  std::vector<Part> parts;
  std::size_t told = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + token->content.size();
    at = end;
    if (token->special && !with_special) continue;
    if (token->single_word &&
        (is_word(last_character(text.substr(0, begin))) || is_word(first_character(text.substr(end)))))
      continue;
    if (token->takes_space_before)
      for (std::string_view last; begin > told; begin -= last.size())
        if (last = last_character(text.substr(0, begin)); !is_space(last)) break;
    if (token->takes_space_after)
      for (std::string_view first; end < text.size(); end += first.size())
        if (first = first_character(text.substr(end)); !is_space(first)) break;
    if (begin > told) parts.push_back({text.substr(told, begin - told)});
    parts.push_back({text.substr(begin, end - begin), token->id});
    told = at = end;
  }
  if (told < text.size()) parts.push_back({text.substr(told)});
  return parts;
}

}  // namespace parley::text
