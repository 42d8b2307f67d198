#include "engine/models/starter/phonemizer/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 32
#include <pcre2.h>

#include <stdexcept>

#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {
namespace {

PCRE2_SPTR32 units(std::u32string_view text) { return reinterpret_cast<PCRE2_SPTR32>(text.data()); }

}  // namespace

struct Pattern::Compiled {
  pcre2_code_32* code;
  ~Compiled() { pcre2_code_free_32(code); }
};

Pattern::Pattern(std::u32string_view expression, bool ignore_case) {
  int error = 0;
  PCRE2_SIZE where = 0;
  std::uint32_t options = PCRE2_UTF | PCRE2_UCP | (ignore_case ? PCRE2_CASELESS : 0U);
  pcre2_code_32* code =
      pcre2_compile_32(units(expression), expression.size(), options, &error, &where, nullptr);
  if (!code)
    throw std::logic_error("pattern does not compile at " + std::to_string(where) + ": " +
                           encode_utf8(expression));
  compiled_.reset(new Compiled{code});
  // Without JIT the pattern still works, only slower.
  pcre2_jit_compile_32(code, PCRE2_JIT_COMPLETE);
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

std::optional<Match> Pattern::find(std::u32string_view subject, std::size_t from) const {
  std::unique_ptr<pcre2_match_data_32, decltype(&pcre2_match_data_free_32)> data(
      pcre2_match_data_create_from_pattern_32(compiled_->code, nullptr), &pcre2_match_data_free_32);
  int count = pcre2_match_32(compiled_->code, units(subject), subject.size(), from, PCRE2_NO_UTF_CHECK,
                             data.get(), nullptr);
  if (count < 0) return std::nullopt;  // no match, or one that would take more steps than PCRE2 allows
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer_32(data.get());
  Match match{subject, {}};
  for (std::uint32_t group = 0; group < pcre2_get_ovector_count_32(data.get()); ++group) {
    bool took_part = static_cast<int>(group) < count && bounds[2 * group] != PCRE2_UNSET;
    match.groups.push_back(took_part ? std::optional(Range{bounds[2 * group], bounds[2 * group + 1]})
                                     : std::nullopt);
  }
  return match;
}

std::u32string escaped(std::u32string_view text) {
  std::u32string out;
  for (char32_t c : text) {
    if (c < 0x80 && std::u32string_view(U"\\^$.|?*+()[]{}#&~- /").find(c) != std::u32string_view::npos)
      out += U'\\';
    out += c;
  }
  return out;
}

}  // namespace parley::phonemizer
