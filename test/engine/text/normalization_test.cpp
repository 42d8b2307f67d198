#include "engine/text/normalization.hpp"

#include "engine/text/utf8.hpp"
#include "test/support/catch.hpp"

using namespace parley;

namespace {

std::string utf8(std::u32string_view code_points) {
  std::string text;
  for (const char32_t c : code_points) text::append_utf8(c, text);
  return text;
}

}  // namespace

TEST_CASE("text is composed as Unicode's form C", "[engine][text]") {
  const auto [given, expected] = GENERATE(table<std::u32string, std::u32string>({
      {U"", U""},
      {U"plain", U"plain"},
      {U"e\u0301", U"\u00E9"},
      {U"\u1E0B\u0323", U"\u1E0D\u0307"},    // marks are put in order first
      {U"q\u0307\u0323", U"q\u0323\u0307"},  // and where nothing composes that is all
      {U"a\u0327\u0301", U"\u00E1\u0327"},   // a mark of a lower order is no barrier
      {U"a\u0301\u0301", U"\u00E1\u0301"},   // one of the same order is
      {U"e\u200D\u0301", U"e\u200D\u0301"},  // and so is another starter
      {U"\u0301e", U"\u0301e"},              // a mark on nothing
      {U"\u1100\u1161\u11A8", U"\uAC01"},    // Korean
      {U"\uAC00\u11A8", U"\uAC01"},
      {U"\uAC01\u11A8", U"\uAC01\u11A8"},
      {U"\u212B\u2126", U"\u00C5\u03A9"},  // Angstrom and Ohm signs
      {U"\u0958", U"\u0915\u093C"},        // excluded from composition
      {U"\uF900", U"\u8C48"},              // a compatibility ideograph
      {U"\u0344", U"\u0308\u0301"},
      {U"\u0041\u030A\u0301", U"\u01FA"},  // in two steps
      {U"\U0001D15E", U"\U0001D157\U0001D165"},
  }));
  CHECK(text::composed(utf8(given)) == utf8(expected));
  CHECK(text::composed(utf8(expected)) == utf8(expected));
}
