// Finds the tokens that are taken out of a text before it is cut into words: "<|im_end|>", "<tool_call>".
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::text {

struct AddedToken {
  int id = 0;
  std::string content;
  bool special = false;
  bool single_word = false;         // only where no word character stands next to it
  bool takes_space_before = false;  // "lstrip": white space before it goes with it
  bool takes_space_after = false;   // "rstrip"
  bool normalized = false;          // looked for after the text was normalized
};

// Immutable.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);
  AddedTokens(AddedTokens&&) = default;  // the nodes keep pointing at the tokens, which a copy would not
  AddedTokens& operator=(AddedTokens&&) = default;

  struct Part {
    static constexpr int no_token = -1;
    std::string_view text;
    int token = no_token;  // or plain text
  };
  // Cuts a text at these tokens: the leftmost first, and of those that begin there the longest. Special ones
  // are passed over unless `with_special`.
  std::vector<Part> split(std::string_view text, bool with_special) const;

 private:
  const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;
  struct Node {
    std::map<char, std::size_t> children;
    const AddedToken* token = nullptr;  // that ends here
  };
  std::vector<Node> trie_;
};

}  // namespace parley::text
