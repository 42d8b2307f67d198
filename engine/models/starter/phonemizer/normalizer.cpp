#include "engine/models/starter/phonemizer/normalizer.hpp"

#include <algorithm>
#include <array>

#include "engine/models/starter/phonemizer/number_words.hpp"

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

const u32string number_pattern = U"\\d+(?:,\\d{3})*(?:\\.\\d+)?";
const u32string scale_pattern = U"(hundred|thousand|million|billion|trillion|[kKmMbB]\\b)";

u32string wide(std::string_view ascii) { return {ascii.begin(), ascii.end()}; }

// Alternatives for a pattern, longest first so that "lbs" is not read as "lb".
u32string any_of(std::vector<u32string> words) {
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  u32string pattern = U"(?:";
  for (const u32string& word : words) {
    if (pattern.size() > 3) pattern += U'|';
    pattern += escaped(word);
  }
  return pattern + U')';
}

template <typename Value>
std::vector<u32string> keys_of(const std::map<u32string, Value>& map) {
  std::vector<u32string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// "k" and the like, after an amount of money
u32string scale_word(u32string_view scale) {
  if (scale == U"k" || scale == U"K") return U"thousand";
  if (scale == U"m" || scale == U"M") return U"million";
  if (scale == U"b" || scale == U"B") return U"billion";
  return u32string(scale);
}

int roman_value(u32string_view numeral) {
  auto value = [](char32_t c) {
    switch (c) {
      case U'I':
        return 1;
      case U'V':
        return 5;
      case U'X':
        return 10;
      case U'L':
        return 50;
      case U'C':
        return 100;
      case U'D':
        return 500;
      default:
        return 1000;
    }
  };
  int total = 0;
  for (std::size_t i = 0; i < numeral.size(); ++i) {
    bool subtract = i + 1 < numeral.size() && value(numeral[i + 1]) > value(numeral[i]);
    total += subtract ? -value(numeral[i]) : value(numeral[i]);
  }
  return total;
}

constexpr std::array<u32string_view, 11> fraction_names = {
    U"", U"", U"half", U"third", U"quarter", U"fifth", U"sixth", U"seventh", U"eighth", U"ninth", U"tenth"};
constexpr std::array<u32string_view, 12> month_keys = {U"jan", U"feb", U"mar", U"apr", U"may", U"jun",
                                                       U"jul", U"aug", U"sep", U"oct", U"nov", U"dec"};

}  // namespace

Normalizer::Normalizer(NormalizerTables tables, Unicode unicode)
    : tables_(std::move(tables)), unicode_(unicode) {
  add_clock_and_calendar();  // the order matters: each rule sees what those before it wrote
  add_money_and_measures();
  add_abbreviations();
  add_numerals();
  add_symbols();
}

MappedText Normalizer::normalize(u32string_view source) const {
  MappedText text(source);
  for (const Rule& rule : closing_) apply(rule, text);
  for (std::size_t i = 0; i < text.text().size(); ++i) {
    switch (text.text()[i]) {
      case U'’':
        text.replace({i, i + 1}, U"'");
        break;
      case U'‒':
        text.replace({i, i + 1}, U"-");
        break;
      case U'―':
        text.replace({i, i + 1}, U"—");
        break;
      default:
        break;
    }
  }
  for (const Rule& rule : rules_) apply(rule, text);
  for (const Rule& rule : closing_) apply(rule, text);
  return text;
}

void Normalizer::apply(const Rule& rule, MappedText& text) {
  // Matches are found in the text as it was, then replaced from the back so that their positions stay true.
  const u32string before = text.text();
  std::vector<std::pair<Range, u32string>> changes;
  for (std::size_t from = 0; from <= before.size();) {
    auto match = rule.pattern.find(before, from);
    if (!match) break;
    Range range = match->whole();
    if (auto words = rule.rewrite(*match)) changes.emplace_back(range, std::move(*words));
    from = range.end > range.begin ? range.end : range.end + 1;
  }
  for (auto change = changes.rbegin(); change != changes.rend(); ++change)
    text.replace(change->first, change->second);
}

void Normalizer::add(u32string_view pattern, Rewrite rewrite) {
  rules_.push_back({Pattern(pattern), std::move(rewrite)});
}

int Normalizer::number(u32string_view digits) const {
  int value = 0;
  for (char32_t c : digits.substr(0, 9)) value = value * 10 + unicode_.digit_value(c).value_or(0);
  return value;
}

u32string Normalizer::month_name(u32string_view month) const {
  return tables_.months.at(unicode_.to_lower(month.substr(0, 3)));
}

u32string Normalizer::month_pattern() const {
  std::vector<u32string> names = {U"Sept"};
  for (const auto& [key, name] : tables_.months) {
    names.push_back(name);
    names.push_back(unicode_.capitalized(key));
  }
  return any_of(std::move(names));
}

u32string Normalizer::amount(u32string_view count, const Plural& unit) const {
  u32string plain(count);
  std::erase(plain, U',');
  bool one = plain == U"1" || plain == U"1.0" || plain == U"-1";
  return u32string(count) + U' ' + (one ? unit.first : unit.second);
}

void Normalizer::add_clock_and_calendar() {
  // 7:05, 7:05:30, 7:05 pm, 7:05 p.m.
  add(U"\\b(\\d{1,2}):(\\d{2})(?::(\\d{2}))?(?:\\s?([AaPp])\\.?[Mm]\\.?(?![A-Za-z]))?(?!\\d)",
      [this](const Match& m) -> std::optional<u32string> {
        int hour = number(m[1]);
        int minute = number(m[2]);
        int second = number(m[3]);
        if (hour > 24 || minute > 59 || second > 59) return std::nullopt;
        std::string words = cardinal(hour);
        if (minute == 0) {
          if (!m.has(4) && !m.has(3)) words += " o'clock";
        } else {
          words += (minute < 10 ? " oh " : " ") + cardinal(minute);
        }
        if (m.has(3)) words += " and " + cardinal(second) + (second == 1 ? " second" : " seconds");
        if (m.has(4)) {  // with dots, so that the letters are spelled
          bool afternoon = m[4] == U"p" || m[4] == U"P";
          bool dot_follows = m.subject.substr(m.whole().end).starts_with(U'.');
          words += afternoon ? " P.M" : " A.M";
          if (!dot_follows) words += '.';
        }
        return wide(words);
      });

  auto date = [this](u32string_view year, int month, int day) -> std::optional<u32string> {
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
    u32string words = tables_.months.at(u32string(month_keys[static_cast<std::size_t>(month - 1)]));
    words += U' ' + wide(ordinal(day));
    if (!year.empty()) words += U", " + u32string(year);
    return words;
  };
  add(U"\\b(\\d{4})-(\\d{2})-(\\d{2})\\b",
      [this, date](const Match& m) { return date(m[1], number(m[2]), number(m[3])); });
  add(U"\\b(\\d{1,2})/(\\d{1,2})/(\\d{4}|\\d{2})\\b", [this, date](const Match& m) {
    u32string year(m[3]);
    if (year.size() == 2) year = (number(m[3]) > 30 ? U"19" : U"20") + year;
    int first = number(m[1]);
    int second = number(m[2]);
    return first <= 12 ? date(year, first, second) : date(year, second, first);
  });
}

void Normalizer::add_money_and_measures() {
  const u32string& num = number_pattern;
  add(U"([$£€])(" + num + U")\\s?" + scale_pattern, [this](const Match& m) -> std::optional<u32string> {
    return u32string(m[2]) + U' ' + scale_word(m[3]) + U' ' + tables_.currency.at(u32string(m[1])).second;
  });
  add(U"(?<![\\w.])(" + num + U")\\s?¢",
      [this](const Match& m) { return std::optional(amount(m[1], tables_.currency.at(U"¢"))); });
  add(U"(?<!\\w)([¥₹₩]|Rs\\.?|USD|EUR|GBP)\\s?(" + num + U")(?:\\s?" + scale_pattern + U")?",
      [this](const Match& m) -> std::optional<u32string> {
        u32string sign(m[1]);
        if (sign.ends_with(U'.')) sign.pop_back();
        const Plural& unit = tables_.currency.at(sign);
        if (m.has(3)) return u32string(m[2]) + U' ' + scale_word(m[3]) + U' ' + unit.second;
        return amount(m[2], unit);
      });
  add(U"(?<![\\w.])(-?" + num + U")\\s?°\\s?([CF])?(?!\\w)", [this](const Match& m) {
    u32string words = amount(m[1], {U"degree", U"degrees"});
    if (m.has(2)) words += m[2] == U"C" ? U" Celsius" : U" Fahrenheit";
    return std::optional(words);
  });
  add(U"(?<![\\w.])(-?" + num + U")\\s?(" + any_of(keys_of(tables_.units)) + U")(?!\\w)",
      [this](const Match& m) { return std::optional(amount(m[1], tables_.units.at(u32string(m[2])))); });

  // March 3rd, 2024 and the 3rd of March come after the units, so that "5 mar" is none of these
  add(U"\\b(" + month_pattern() + U")\\.? (\\d{1,2})(?:st|nd|rd|th)?\\b(?![\\d:%])(,? \\d{4}\\b)?",
      [this](const Match& m) -> std::optional<u32string> {
        int day = number(m[2]);
        if (day < 1 || day > 31) return std::nullopt;
        return month_name(m[1]) + U' ' + wide(ordinal(day)) + u32string(m[3]);
      });
  add(U"\\b(the )?(\\d{1,2}) (?:of )?(" + month_pattern() + U")\\b\\.?",
      [this](const Match& m) -> std::optional<u32string> {
        int day = number(m[2]);
        if (day < 1 || day > 31) return std::nullopt;
        return U"the " + wide(ordinal(day)) + U" of " + month_name(m[3]);
      });
}

void Normalizer::add_abbreviations() {
  add(U"\\b(" + any_of(keys_of(tables_.titles)) + U")\\.? (?=[A-Z])",
      [this](const Match& m) { return std::optional(tables_.titles.at(u32string(m[1])) + U' '); });
  add(U"(?<![\\w.])(" + any_of(keys_of(tables_.abbreviations)) + U")(?!\\w)", [this](const Match& m) {
    u32string words = tables_.abbreviations.at(u32string(m[1]));
    bool ends_sentence = m.whole().end == m.subject.size() && m[1].ends_with(U'.');
    if (ends_sentence) words += U'.';
    return std::optional(words);
  });
  add(U"\\b(Nos?)\\. ?(?=\\d)",
      [](const Match& m) { return std::optional<u32string>(m[1] == U"No" ? U"Number " : U"Numbers "); });
  add(U"(?<![\\w&])#(?=\\d)", [](const Match&) { return std::optional<u32string>(U"number "); });
}

void Normalizer::add_numerals() {
  const u32string roman = U"((?=[IVXLC])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))";
  const u32string no_initial = U"\\b(?![.'’]\\w)";  // "King I. Smith" is no king
  add(U"\\b(" + any_of(tables_.roman_cardinal) + U") " + roman + no_initial, [](const Match& m) {
    return std::optional(u32string(m[1]) + U' ' + wide(std::to_string(roman_value(m[2]))));
  });
  add(U"\\b(" + any_of(tables_.roman_ordinal) + U") " + roman + no_initial, [](const Match& m) {
    return std::optional(u32string(m[1]) + U" the " + wide(ordinal(roman_value(m[2]))));
  });

  // telephone numbers, a digit at a time with a pause at each dash
  add(U"(?<![\\w.-])(?:\\d{3}-)?\\d{3}-\\d{4}(?![\\w.-])", [](const Match& m) {
    u32string words;
    for (char32_t c : m[0]) words += c == U'-' ? u32string(U",   ") : u32string{c, U' '};
    words.pop_back();
    return std::optional(words);
  });
  add(U"(?<![\\w./])(\\d{1,2})/(\\d{1,2})(?![\\w./])", [this](const Match& m) -> std::optional<u32string> {
    int above = number(m[1]);
    int below = number(m[2]);
    if (above > 0 && above < below && below <= 10) {
      if (below == 2) return U"one half";
      u32string words =
          wide(std::to_string(above)) + U' ' + u32string(fraction_names[static_cast<std::size_t>(below)]);
      return above == 1 ? words : words + U's';
    }
    if (above >= 1 && above <= 12 && below >= 1 && below <= 31)  // month and day
      return tables_.months.at(u32string(month_keys[static_cast<std::size_t>(above - 1)])) + U' ' +
             wide(ordinal(below));
    return wide(std::to_string(above)) + U" slash " + wide(std::to_string(below));
  });
  add(U"(?<![\\w.-])(\\d{1,4})\\s?[-–]\\s?(\\d{1,4})(?![\\w.%-])",
      [](const Match& m) { return std::optional(u32string(m[1]) + U" to " + u32string(m[2])); });
  add(U"(?<![\\w+])\\+(?=\\d)", [](const Match&) { return std::optional<u32string>(U"plus "); });
}

void Normalizer::add_symbols() {
  for (const auto& [symbol, word] : tables_.symbols) {
    u32string words = word.empty() ? U" " : U' ' + word + U' ';
    bool between =
        symbol == U"=" || symbol == U"<" || symbol == U">" || symbol == U"~";  // said between two things only
    u32string pattern = between ? U"(?<=\\S) ?" + symbol + U" ?(?=\\S)" : escaped(symbol);
    add(pattern, [words](const Match&) { return std::optional(words); });
  }
  auto close = [this](u32string_view pattern, u32string words) {
    closing_.push_back({Pattern(pattern), [words](const Match&) { return std::optional(words); }});
  };
  close(U"\\s+", U" ");
  close(U"^ | $", U"");
  rules_.push_back({Pattern(U"\\s+"), [](const Match&) { return std::optional<u32string>(U" "); }});
  rules_.push_back({Pattern(U" +([,.;:!?])"), [](const Match& m) { return std::optional(u32string(m[1])); }});
}

}  // namespace parley::phonemizer
