#include "engine/text/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

namespace parley::text {
namespace {

std::string sentence_of(int error) {
  std::array<PCRE2_UCHAR, 256> sentence{};
  pcre2_get_error_message(error, sentence.data(), sentence.size());
  return reinterpret_cast<const char*>(sentence.data());
}

// PCRE2's \s holds U+180E, which has not been white space since Unicode 6.3; the tokenizers' \s does not.
std::string with_unicode_white_space(std::string_view expression) {
  std::string written;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] != '\\' || i + 1 == expression.size()) {
      written += expression[i];
      continue;
    }
    const char escaped = expression[++i];
    if (escaped == 's')
      written += "\\p{White_Space}";
    else if (escaped == 'S')
      written += "\\P{White_Space}";
    else
      written.append({'\\', escaped});
  }
  return written;
}

PCRE2_SPTR code_units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct Pattern::Compiled {
  pcre2_code* code;
  ~Compiled() { pcre2_code_free(code); }
};

Pattern::Pattern(std::string_view expression) {
  const std::string written = with_unicode_white_space(expression);
  int error = 0;
  PCRE2_SIZE place = 0;
  pcre2_code* code =
      pcre2_compile(code_units(written), written.size(), PCRE2_UTF | PCRE2_UCP, &error, &place, nullptr);
  if (code == nullptr)
    throw std::invalid_argument("the pattern " + written + " is wrong at character " + std::to_string(place) +
                                ": " + sentence_of(error));
  compiled_.reset(new Compiled{code});
  // Without compilation to machine code (a build or a kernel that forbids it) the interpreter does the same.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

struct Pattern::Search::Room {
  const pcre2_code* code;
  pcre2_match_data* result;
  pcre2_match_context* limits;
  ~Room() {
    pcre2_match_data_free(result);
    pcre2_match_context_free(limits);
  }
};

Pattern::Search::Search(const Pattern& pattern)
    : room_(new Room{pattern.compiled_->code, pcre2_match_data_create(1, nullptr),
                     pcre2_match_context_create(nullptr)}) {
  if (room_->result == nullptr || room_->limits == nullptr) throw std::bad_alloc();
}

Pattern::Search::~Search() = default;
Pattern::Search::Search(Search&&) noexcept = default;
Pattern::Search& Pattern::Search::operator=(Search&&) noexcept = default;

std::optional<Pattern::Search::Range> Pattern::Search::find(std::string_view subject, std::size_t from) {
  // A tokenizer's patterns step back over each character a few times at most; the default, a fixed number,
  // would be too small for tens of megabytes.
  constexpr std::size_t steps_a_byte = 64;
  constexpr std::size_t least_steps = 10'000'000;
  pcre2_set_match_limit(room_->limits, static_cast<std::uint32_t>(std::min<std::size_t>(
                                           std::max(least_steps, subject.size() * steps_a_byte),
                                           std::numeric_limits<std::uint32_t>::max())));
  const auto match = [&](std::uint32_t options) {
    return pcre2_match(room_->code, code_units(subject), subject.size(), from, PCRE2_NO_UTF_CHECK | options,
                       room_->result, room_->limits);
  };
  int found = match(0);
  // Machine code keeps its way back on a small stack, the interpreter on the heap.
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0)
    throw std::runtime_error("a tokenizer's pattern could not be searched in a text of " +
                             std::to_string(subject.size()) + " bytes: " + sentence_of(found));
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(room_->result);
  return Range{range[0], range[1]};
}

std::string literally(std::string_view text) {
  std::string expression;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}#- \t\n\r\f\v").find(c) != std::string_view::npos)
      expression += '\\';
    expression += c;
  }
  return expression;
}

}  // namespace parley::text
