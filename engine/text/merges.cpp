// Most words have a handful of bytes: looking through all pairs for the earliest merge beats any structure.
// A word of a million letters would take a trillion looks. Long words keep their tokens in a linked list and,
// for each merge, the places where it applied when they were found; a place is looked at again when its turn
// comes, as the pair may be gone. Few merges occur in one word, so finding the earliest costs little.
#include "engine/text/merges.hpp"

#include <algorithm>
#include <bit>

namespace parley::text {
namespace {

constexpr std::size_t longest_scanned = 32;

std::uint64_t pair_of(int left, int right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U |
         static_cast<std::uint32_t>(right);
}

}  // namespace

Merges::Merges(std::span<const Merge> merges)
    : slots_(std::bit_ceil(2 * merges.size() + 2)),
      shift_(64U - static_cast<unsigned>(std::countr_zero(slots_.size()))) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    slots_[place_of(merge.left, merge.right)] = {pair_of(merge.left, merge.right),
                                                 static_cast<std::uint32_t>(rank), merge.whole};
  }
}

std::size_t Merges::place_of(int left, int right) const {
  const std::uint64_t pair = pair_of(left, right);
  const std::size_t last = slots_.size() - 1;
  // Fibonacci hashing: 2^64 over the golden ratio spreads neighbouring ids well.
  for (std::size_t at = pair * 0x9E3779B97F4A7C15U >> shift_;; at = (at + 1) & last) {
    const Slot& slot = slots_[at];
    if (slot.rank == no_rank || slot.pair == pair) return at;
  }
}

void Merges::apply(std::vector<int>& tokens, Workspace& workspace) const {
  if (tokens.size() <= longest_scanned)
    apply_by_scan(tokens, workspace);
  else
    apply_by_rank(tokens, workspace);
}

void Merges::apply_by_scan(std::vector<int>& tokens, Workspace& workspace) const {
  if (tokens.size() < 2) return;
  auto& ranks = workspace.ranks;  // ranks[i]: of the pair (i, i + 1)
  ranks.clear();
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) ranks.push_back(find(tokens[i], tokens[i + 1]).rank);
  while (!ranks.empty()) {
    const auto earliest = std::min_element(ranks.begin(), ranks.end());
    if (*earliest == no_rank) return;
    const auto i = static_cast<std::size_t>(earliest - ranks.begin());
    tokens[i] = find(tokens[i], tokens[i + 1]).whole;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ranks.erase(earliest);
    if (i > 0) ranks[i - 1] = find(tokens[i - 1], tokens[i]).rank;
    if (i < ranks.size()) ranks[i] = find(tokens[i], tokens[i + 1]).rank;
  }
}

void Merges::apply_by_rank(std::vector<int>& tokens, Workspace& workspace) const {
  auto& chain = workspace.chain;
  auto& by_rank = workspace.by_rank;
  chain.clear();
  by_rank.clear();
  const int count = static_cast<int>(tokens.size());
  for (int i = 0; i < count; ++i)
    chain.push_back({tokens[static_cast<std::size_t>(i)], no_rank, i - 1, i + 1 < count ? i + 1 : -1});
  const auto link = [&](int i) -> Workspace::Link& { return chain[static_cast<std::size_t>(i)]; };
  const auto meet = [&](int i) {  // a token has a new neighbour to its right
    if (i < 0) return no_rank;
    const int right = link(i).next;
    const std::uint32_t rank = right < 0 ? no_rank : find(link(i).token, link(right).token).rank;
    link(i).rank = rank;
    if (rank != no_rank) by_rank[rank].places.push_back(i);
    return rank;
  };
  for (int i = 0; i < count; ++i) meet(i);
  while (!by_rank.empty()) {
    const auto earliest = by_rank.begin();
    const std::uint32_t rank = earliest->first;
    auto& [places, done] = earliest->second;
    if (done == 0) std::sort(places.begin(), places.end());
    bool overtaken = false;  // by a merge that comes earlier and was not possible before
    while (done < places.size() && !overtaken) {
      const int i = places[done++];
      if (link(i).rank != rank) continue;
      const int right = link(i).next;
      const int after = link(right).next;
      link(i).token = find(link(i).token, link(right).token).whole;
      link(i).next = after;
      link(right) = {-1, no_rank, -1, -1};
      if (after >= 0) link(after).previous = i;
      overtaken = std::min(meet(link(i).previous), meet(i)) < rank;
    }
    // No place is added to those half done: what the overtaking merges make is longer than this one's whole.
    if (!overtaken) by_rank.erase(earliest);
  }
  std::erase_if(chain, [](const Workspace::Link& gone) { return gone.token < 0; });
  tokens.resize(chain.size());
  std::transform(chain.begin(), chain.end(), tokens.begin(), [](const auto& left) { return left.token; });
}

}  // namespace parley::text
