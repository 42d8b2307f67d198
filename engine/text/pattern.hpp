// Regular expressions over UTF-8 (PCRE2, 8-bit), with Unicode's idea of \w, \d and \s.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parley::text {

// Compiled once; any number of threads may search with it, each through a Search of its own.
class Pattern {
 public:
  // Throws std::invalid_argument with what PCRE2 says is wrong.
  explicit Pattern(std::string_view expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  // Room for the results of one thread's searches.
  class Search {
   public:
    explicit Search(const Pattern& pattern);
    ~Search();
    Search(Search&&) noexcept;
    Search& operator=(Search&&) noexcept;

    struct Range {
      std::size_t begin, end;
    };
    // The leftmost match in valid UTF-8 that begins at `from` or later. Throws std::runtime_error if PCRE2
    // gives up: it took more steps than any sensible pattern needs.
    std::optional<Range> find(std::string_view subject, std::size_t from = 0);

   private:
    struct Room;
    std::unique_ptr<Room> room_;
  };

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// The expression that finds `text` itself.
std::string literally(std::string_view text);

}  // namespace parley::text
