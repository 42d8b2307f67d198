#include "engine/text/merges.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "test/support/catch.hpp"

using namespace parley;
using text::Merge;
using text::Merges;

namespace {

// The definition: the earliest merge that applies anywhere, at its leftmost place, again and again.
std::vector<int> by_definition(std::vector<int> tokens, const std::vector<Merge>& merges) {
  for (bool merged = true; merged;) {
    merged = false;
    for (const Merge& merge : merges) {
      const auto at = std::adjacent_find(tokens.begin(), tokens.end(), [&](int left, int right) {
        return left == merge.left && right == merge.right;
      });
      if (at == tokens.end()) continue;
      *at = merge.whole;
      tokens.erase(at + 1);
      merged = true;
      break;
    }
  }
  return tokens;
}

}  // namespace

TEST_CASE("short and long words are merged as defined, in whatever order the merges come", "[engine][text]") {
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> tokens{"a", "b", "c"};
    std::map<std::string, int> ids{{"a", 0}, {"b", 1}, {"c", 2}};
    std::map<std::pair<int, int>, Merge> by_pair;
    while (by_pair.size() < 30) {
      const int left = static_cast<int>(random() % tokens.size());
      const int right = static_cast<int>(random() % tokens.size());
      const std::string whole =
          tokens[static_cast<std::size_t>(left)] + tokens[static_cast<std::size_t>(right)];
      const auto [found, added] = ids.try_emplace(whole, static_cast<int>(tokens.size()));
      if (added) tokens.push_back(whole);
      by_pair[{left, right}] = {left, right, found->second};
    }
    std::vector<Merge> list;
    for (const auto& [pair, merge] : by_pair) list.push_back(merge);
    std::shuffle(list.begin(), list.end(), random);  // a merge may come before those that make its parts
    const Merges merges(list);
    Merges::Workspace workspace;
    for (const std::size_t size : {0U, 1U, 2U, 7U, 32U, 33U, 150U}) {
      std::vector<int> word(size);
      for (int& token : word) token = static_cast<int>(random() % 3);
      const std::vector<int> expected = by_definition(word, list);
      merges.apply(word, workspace);
      CHECK(word == expected);
    }
  }
}
