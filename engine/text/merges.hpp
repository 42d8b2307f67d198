// The merges of byte-pair encoding, and how they turn a word's bytes into tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace parley::text {

struct Merge {
  int left, right;  // tokens that stand side by side
  int whole;        // the token of both
};

// A list of merges, earliest first; of a pair that is there twice the later one counts. Immutable.
class Merges {
 public:
  explicit Merges(std::span<const Merge> merges);

  // Scratch memory of one thread, kept from word to word.
  struct Workspace {
    struct Link {
      int token;           // -1: merged into the one before
      std::uint32_t rank;  // of the pair with the next
      int previous, next;  // indices; -1 at the ends
    };
    struct Places {
      std::vector<int> places;  // indices of left tokens
      std::size_t done = 0;
    };
    std::vector<std::uint32_t> ranks;
    std::vector<Link> chain;
    std::map<std::uint32_t, Places> by_rank;
  };

  // Merges the tokens of one word, in place, until no two neighbours are a pair: each time the earliest merge
  // that applies, and of equal ones the leftmost. Takes about O(n log n) for n tokens.
  void apply(std::vector<int>& tokens, Workspace& workspace) const;

 private:
  static constexpr std::uint32_t no_rank = UINT32_MAX;
  struct Slot {
    std::uint64_t pair;  // left << 32 | right
    std::uint32_t rank = no_rank;
    int whole;
  };
  std::size_t place_of(int left, int right) const;  // the pair's slot, or the empty one where it would be
  const Slot& find(int left, int right) const { return slots_[place_of(left, right)]; }
  void apply_by_scan(std::vector<int>& tokens, Workspace& workspace) const;
  void apply_by_rank(std::vector<int>& tokens, Workspace& workspace) const;

  std::vector<Slot> slots_;  // open addressing, at most half full; the size is a power of two
  unsigned shift_ = 0;       // 64 - log2(size): the hash's upper bits choose the slot
};

}  // namespace parley::text
