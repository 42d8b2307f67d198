#include "engine/models/starter/phonemizer/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

constexpr u32string_view quotes = U"'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉";
constexpr u32string_view punctuation = U"…,:;!?¿¡()[]{}<>_#*&。？！，、；：～·";
constexpr u32string_view icons = U"™®©°§¶†‡•";
constexpr u32string_view currency_signs = U"$£€¥฿₽₹₩₪₺₴₦₫₱₲₵₸₼₾₿";
constexpr std::array<u32string_view, 3> dollar_kinds = {U"US$", U"C$", U"A$"};
constexpr std::array<u32string_view, 39> measures = {
    U"km",  U"km²", U"km³", U"m",    U"m²",  U"m³",  U"dm",  U"dm²", U"dm³",  U"cm", U"cm²", U"cm³", U"mm",
    U"mm²", U"mm³", U"ha",  U"µm",   U"nm",  U"yd",  U"in",  U"ft",  U"kg",   U"g",  U"mg",  U"µg",  U"t",
    U"lb",  U"oz",  U"m/s", U"km/h", U"kmh", U"mph", U"hPa", U"Pa",  U"mbar", U"mb", U"MB",  U"kb",  U"KB"};
constexpr std::array<u32string_view, 8> more_measures = {U"gb", U"GB", U"tb", U"TB", U"T", U"G", U"M", U"K"};

bool is_ascii_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

std::size_t run_of_dots(u32string_view text) { return std::min(text.find_first_not_of(U'.'), text.size()); }

}  // namespace

Tokenizer::Tokenizer(StringMap exceptions, Unicode unicode)
    : exceptions_(exceptions),
      unicode_(unicode),
      address_(
          U"^(?:(?:(?:https?|ftp)://|www\\.)\\S+"
          U"|[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+"
          U"|(?:[\\w-]+\\.)+(?:com|org|net|edu|gov|io|co|uk|de|fr|info|biz|us|ca|au|tv|me|ly|ai)(?:/\\S*)?)$",
          /*ignore_case=*/true) {}

std::vector<Token> Tokenizer::tokenize(u32string_view sentence, std::size_t offset) const {
  std::vector<Token> tokens;
  auto is_space = [&](char32_t c) { return unicode_.is(c, space); };
  for (auto begin = sentence.begin(); begin != sentence.end();) {
    begin = std::find_if_not(begin, sentence.end(), is_space);
    auto end = std::find_if(begin, sentence.end(), is_space);
    if (begin == end) break;
    auto position = static_cast<std::size_t>(begin - sentence.begin());
    auto length = static_cast<std::size_t>(end - begin);
    for (u32string& piece : split(sentence.substr(position, length))) {
      position += piece.size();
      Token token;
      token.text = std::move(piece);
      token.end = offset + position;
      tokens.push_back(std::move(token));
    }
    tokens.back().space_after = end != sentence.end();
    begin = end;
  }
  return tokens;
}

std::optional<Tokenizer::Pieces> Tokenizer::exception(u32string_view text) const {
  auto found = exceptions_.find(encode_utf8(text));
  if (!found) return std::nullopt;
  Pieces pieces(1);
  for (char32_t c : decode_utf8(*found)) {
    if (c == U'\x1f') {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  return pieces;
}

Tokenizer::Pieces Tokenizer::split(u32string_view chunk) const {
  if (auto pieces = exception(chunk)) return *pieces;
  Pieces before;
  Pieces after;  // last first
  u32string_view rest = chunk;
  std::size_t last_size = 0;
  while (!rest.empty() && rest.size() != last_size && !exception(rest)) {
    last_size = rest.size();
    std::size_t prefix = prefix_length(rest);
    if (prefix > 0 && exception(rest.substr(prefix))) {
      before.emplace_back(rest.substr(0, prefix));
      rest.remove_prefix(prefix);
      break;
    }
    std::size_t suffix = suffix_length(rest.substr(prefix));
    if (suffix > 0 && exception(rest.substr(0, rest.size() - suffix))) {
      after.emplace_back(rest.substr(rest.size() - suffix));
      rest.remove_suffix(suffix);
      break;
    }
    if (prefix > 0) before.emplace_back(rest.substr(0, prefix));
    if (suffix > 0) after.emplace_back(rest.substr(rest.size() - suffix));
    rest.remove_prefix(prefix);
    rest.remove_suffix(suffix);
  }
  Pieces pieces = std::move(before);
  if (!rest.empty()) {
    Pieces middle;
    if (auto known = exception(rest)) {
      middle = *known;
    } else if (address_.find(rest)) {
      middle = {u32string(rest)};
    } else {
      middle = split_at_infixes(rest);
    }
    std::move(middle.begin(), middle.end(), std::back_inserter(pieces));
  }
  std::move(after.rbegin(), after.rend(), std::back_inserter(pieces));
  return pieces.size() > 1 ? join_exceptions(pieces) : pieces;
}

Tokenizer::Pieces Tokenizer::split_at_infixes(u32string_view text) const {
  Pieces pieces;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = infix_length(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    if (at > 0) {
      if (at > begin) pieces.emplace_back(text.substr(begin, at - begin));
      pieces.emplace_back(text.substr(at, length));
      begin = at + length;
    }
    at += length;
  }
  if (begin < text.size()) pieces.emplace_back(text.substr(begin));
  return pieces;
}

Tokenizer::Pieces Tokenizer::join_exceptions(const Pieces& pieces) const {
  Pieces joined;
  for (std::size_t i = 0; i < pieces.size();) {
    std::size_t taken = 0;
    for (std::size_t count : {3, 2}) {
      if (i + count > pieces.size()) continue;
      u32string together;
      for (std::size_t k = 0; k < count; ++k) together += pieces[i + k];
      if (auto known = exception(together)) {
        joined.insert(joined.end(), known->begin(), known->end());
        taken = count;
        break;
      }
    }
    if (taken == 0) {
      joined.push_back(pieces[i]);
      taken = 1;
    }
    i += taken;
  }
  return joined;
}

std::size_t Tokenizer::prefix_length(u32string_view text) const {
  char32_t first = text[0];
  for (u32string_view kind : dollar_kinds)
    if (text.starts_with(kind)) return kind.size();
  if (first == U'.') return run_of_dots(text) >= 2 ? run_of_dots(text) : 0;
  if (first == U'+') return text.size() > 1 && is_ascii_digit(text[1]) ? 0 : 1;
  bool single = in(U"§%=—–", first) || in(punctuation, first) || in(quotes, first) ||
                in(currency_signs, first) || in(icons, first);
  return single ? 1 : 0;
}

// The longest of the endings that apply.
std::size_t Tokenizer::suffix_length(u32string_view text) const {
  if (text.empty()) return 0;
  std::size_t longest = 0;
  auto offer = [&](std::size_t length) { longest = std::max(longest, length); };
  // the code point `back` places before the end; 0 where the text is shorter
  auto from_end = [&](std::size_t back) { return back < text.size() ? text[text.size() - 1 - back] : U'\0'; };
  char32_t last = text.back();
  char32_t before = from_end(1);

  if (text.ends_with(U"……")) offer(2);
  if (in(punctuation, last) || in(quotes, last) || in(icons, last) || last == U'—' || last == U'–') offer(1);
  if ((last == U's' || last == U'S') && (before == U'\'' || before == U'’')) offer(2);
  if (last == U'+' && is_ascii_digit(before)) offer(1);
  if (last == U'.') {
    std::size_t dots = text.size() - (text.find_last_not_of(U'.') + 1);
    if (dots >= 2) offer(dots);
    bool after_degrees = in(U"FfCcKk", before) && before != U'\0' && from_end(2) == U'°';
    bool after_word =
        before != U'\0' && (is_ascii_digit(before) || is_latin_lower(before) || in(U"%²-+", before) ||
                            in(punctuation, before) || in(quotes, before));
    bool after_capitals = is_latin_upper(before) && is_latin_upper(from_end(2));
    if (after_degrees || after_word || after_capitals) offer(1);
  }
  auto after_digit = [&](std::size_t length) {
    return length < text.size() && is_ascii_digit(text[text.size() - 1 - length]);
  };
  if ((in(currency_signs, last) || last == U'%') && after_digit(1)) offer(1);
  auto offer_measure = [&](u32string_view measure) {
    if (text.ends_with(measure) && after_digit(measure.size())) offer(measure.size());
  };
  std::for_each(dollar_kinds.begin(), dollar_kinds.end(), offer_measure);
  std::for_each(measures.begin(), measures.end(), offer_measure);
  std::for_each(more_measures.begin(), more_measures.end(), offer_measure);
  return longest;
}

// 0: no infix starts here.
std::size_t Tokenizer::infix_length(u32string_view text, std::size_t at) const {
  u32string_view rest = text.substr(at);
  char32_t c = rest[0];
  char32_t before = at > 0 ? text[at - 1] : U'\0';
  auto following = [&](std::size_t length) { return length < rest.size() ? rest[length] : U'\0'; };
  auto letter = [&](char32_t x) { return unicode_.is_letter(x); };

  if (std::size_t dots = run_of_dots(rest); dots >= 2) return dots;
  if (c == U'…' || in(icons, c)) return 1;
  char32_t next = following(1);
  if (in(U"+-*^", c) && is_ascii_digit(before) && (is_ascii_digit(next) || next == U'-')) return 1;
  bool closes = is_latin_lower(before) || (before != U'\0' && in(quotes, before));
  if (c == U'.' && closes && (is_latin_upper(next) || (next != U'\0' && in(quotes, next)))) return 1;
  if (c == U',' && letter(before) && letter(next)) return 1;
  if (!unicode_.is(before, alphanumeric)) return 0;
  for (u32string_view dash :
       {u32string_view(U"-"), u32string_view(U"–"), u32string_view(U"—"), u32string_view(U"--"),
        u32string_view(U"---"), u32string_view(U"——"), u32string_view(U"~")})
    if (rest.starts_with(dash) && letter(following(dash.size()))) return dash.size();
  return in(U":<>=/", c) && letter(next) ? 1 : 0;
}

}  // namespace parley::phonemizer
