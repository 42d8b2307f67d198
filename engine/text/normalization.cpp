#include "engine/text/normalization.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/text/normalization_tables.hpp"
#include "engine/text/utf8.hpp"

namespace parley::text {
namespace {

// Korean syllables are composed by arithmetic (The Unicode Standard, 3.12).
constexpr char32_t first_syllable = 0xAC00, first_lead = 0x1100, first_vowel = 0x1161, no_tail = 0x11A7;
constexpr char32_t leads = 19, vowels = 21, tails = 28, syllables = leads * vowels * tails;

struct Character {
  char32_t code_point;
  int order;  // 0: a starter, which marks attach to
};

int combining_order(char32_t c) {
  if (c < 0x300) return 0;
  const auto runs = combining_runs();
  const auto run = std::lower_bound(runs.begin(), runs.end(), c,
                                    [](const CombiningRun& r, char32_t point) { return r.last < point; });
  return run != runs.end() && run->first <= c ? run->order : 0;
}

void decompose(char32_t c, std::vector<Character>& out) {
  if (c >= first_syllable && c < first_syllable + syllables) {
    const char32_t place = c - first_syllable;
    out.push_back({first_lead + place / (vowels * tails), 0});
    out.push_back({first_vowel + place % (vowels * tails) / tails, 0});
    if (place % tails != 0) out.push_back({no_tail + place % tails, 0});
    return;
  }
  const auto all = decompositions();
  const auto found = std::lower_bound(all.begin(), all.end(), c,
                                      [](const Decomposition& d, char32_t point) { return d.whole < point; });
  if (c < 0xC0 || found == all.end() || found->whole != c) {
    out.push_back({c, combining_order(c)});
    return;
  }
  decompose(found->first, out);
  if (found->second != 0) decompose(found->second, out);
}

// 0: the two stay two.
char32_t whole_of(char32_t first, char32_t second) {
  if (first >= first_lead && first < first_lead + leads && second >= first_vowel &&
      second < first_vowel + vowels)
    return first_syllable + ((first - first_lead) * vowels + (second - first_vowel)) * tails;
  if (first >= first_syllable && first < first_syllable + syllables &&
      (first - first_syllable) % tails == 0 && second > no_tail && second < no_tail + tails)
    return first + (second - no_tail);
  static const auto wholes = [] {
    std::map<std::pair<char32_t, char32_t>, char32_t> by_parts;
    for (const Decomposition& d : decompositions())
      if (d.composes) by_parts[{d.first, d.second}] = d.whole;
    return by_parts;
  }();
  const auto found = wholes.find({first, second});
  return found == wholes.end() ? 0 : found->second;
}

void sort_marks(std::vector<Character>& text) {
  for (auto at = text.begin(); at != text.end();) {
    if (at->order == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, text.end(), [](const Character& c) { return c.order == 0; });
    std::stable_sort(at, end, [](const Character& a, const Character& b) { return a.order < b.order; });
    at = end;
  }
}

// A character joins the last starter unless a mark of its order or a higher one stands between.
void compose(std::vector<Character>& text) {
  std::size_t kept = 0;
  std::size_t starter = text.size();  // none yet
  int order_between = -1;             // of the last character kept after the starter; -1: there is none
  for (const Character c : text) {
    if (starter < kept && order_between < c.order) {
      if (const char32_t whole = whole_of(text[starter].code_point, c.code_point); whole != 0) {
        text[starter].code_point = whole;
        continue;
      }
    }
    if (c.order == 0) {
      starter = kept;
      order_between = -1;
    } else {
      order_between = c.order;
    }
    text[kept++] = c;
  }
  text.resize(kept);
}

}  // namespace

bool surely_composed(std::string_view text) {
  // U+0300 and all above are led by a byte of 0xCC or more.
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xCC; });
}

std::string composed(std::string_view text) {
  std::vector<Character> characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.substr(at));
    decompose(unit.code_point, characters);
    at += unit.size;
  }
  sort_marks(characters);
  compose(characters);
  std::string written;
  written.reserve(text.size());
  for (const Character c : characters) append_utf8(c.code_point, written);
  return written;
}

}  // namespace parley::text
