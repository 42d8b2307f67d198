// Regular expressions over code points (PCRE2, 32-bit), with Unicode's idea of \w, \d, \s and \b.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::phonemizer {

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};

// One match: group 0 is the whole; a group that took no part is empty.
struct Match {
  std::u32string_view subject;
  std::vector<std::optional<Range>> groups;

  Range whole() const { return *groups[0]; }
  bool has(std::size_t group) const { return groups[group].has_value(); }
  std::u32string_view operator[](std::size_t group) const {
    if (!groups[group]) return {};
    return subject.substr(groups[group]->begin, groups[group]->size());
  }
};

// Compiled once; find() may be called from any thread.
class Pattern {
 public:
  explicit Pattern(std::u32string_view expression, bool ignore_case = false);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  // The leftmost match that starts at `from` or later.
  std::optional<Match> find(std::u32string_view subject, std::size_t from = 0) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// The text with every sign that a regular expression treats specially taken literally.
std::u32string escaped(std::u32string_view text);

}  // namespace parley::phonemizer
