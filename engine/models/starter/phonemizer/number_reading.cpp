// Lexicon: numbers. Ordinals, years, amounts of money, decimals, and digits glued to letters ("B-52",
// "A320neo").

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "engine/models/starter/phonemizer/lexicon.hpp"
#include "engine/models/starter/phonemizer/number_words.hpp"

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

constexpr std::array<u32string_view, 9> number_endings = {U"ing", U"'d", U"ed", U"'s", U"st",
                                                          U"nd",  U"rd", U"th", U"s"};

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string without_commas(std::string text) {
  std::erase(text, ',');
  return text;
}

std::vector<std::string> parts_at_points(const std::string& number) {
  std::vector<std::string> parts(1);
  for (char c : number) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

struct CurrencyNames {
  u32string_view whole, part, parts;
};
CurrencyNames currency_names(char32_t sign) {
  if (sign == U'$') return {U"dollar", U"cent", U"cents"};
  if (sign == U'£') return {U"pound", U"pence", U"pence"};
  return {U"euro", U"cent", U"cents"};
}

// The number's words, and the parts of it that are phonemes already.
class Words {
 public:
  void say(std::string_view words) {
    if (!text_.empty()) text_ += ' ';
    text_ += words;
  }
  void digits_one_by_one(std::string_view digits) {
    for (char c : digits) say(cardinal(std::string_view(&c, 1)));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

bool Lexicon::is_number(u32string_view word, bool starts_word) const {
  if (std::none_of(word.begin(), word.end(), is_digit)) return false;
  for (u32string_view ending : number_endings) {
    if (!word.ends_with(ending)) continue;
    word.remove_suffix(ending.size());
    break;
  }
  for (std::size_t i = 0; i < word.size(); ++i) {
    bool minus = starts_word && i == 0 && word[i] == U'-';
    if (!is_digit(word[i]) && word[i] != U',' && word[i] != U'.' && !minus) return false;
  }
  return true;
}

// "O" stands for the letter, in "one oh five"; "point" and "O" are unstressed.
Phonemes Lexicon::number_words(std::string_view words) const {
  Phonemes out;
  for (std::size_t begin = 0; begin < words.size();) {
    std::size_t end = begin;
    auto in_word = [](char c) { return (c >= 'a' && c <= 'z') || c == 'O'; };
    while (end < words.size() && in_word(words[end])) ++end;
    std::string_view said = words.substr(begin, end - begin);
    begin = end + 1;
    if (said.empty() || said == "and") continue;
    bool weak = said == "point" || said == "O";
    auto reading = look_up(u32string(said.begin(), said.end()),
                           {"", weak ? std::optional(-2.0F) : std::nullopt, nullptr});
    if (!reading) continue;
    if (!out.empty()) out += U' ';
    out += *reading;
  }
  return out;
}

std::optional<Phonemes> Lexicon::read_number(u32string_view written, char32_t currency,
                                             bool starts_word) const {
  std::size_t stem = written.size();
  while (stem > 0 && ((written[stem - 1] >= U'a' && written[stem - 1] <= U'z') || written[stem - 1] == U'\''))
    --stem;
  u32string_view ending = written.substr(stem);
  std::string number;
  for (char32_t c : written.substr(0, stem))
    if (is_digit(c) || c == U',' || c == U'.' || c == U'-') number += static_cast<char>(c);

  Words words;
  bool negative = number.starts_with('-');
  if (negative) {
    words.say("minus");
    number.erase(0, 1);
  }
  std::string plain = without_commas(number);
  auto points = static_cast<std::size_t>(std::count(number.begin(), number.end(), '.'));
  bool is_ordinal = ending == U"st" || ending == U"nd" || ending == U"rd" || ending == U"th";
  if (plain.find_first_of("0123456789") == std::string::npos) return std::nullopt;

  if (is_digits(number) && is_ordinal) {
    words.say(ordinal(number));
  } else if (is_digits(number) && number.size() == 4 && !negative && !is_currency(currency)) {
    words.say(year(number));
  } else if (!starts_word && points == 0) {  // "B-52", "747", "A1200"
    if (plain[0] == '0' || plain.size() > 3) {
      words.digits_one_by_one(plain);
    } else if (plain.size() == 3 && !plain.ends_with("00")) {
      words.say(cardinal(plain.substr(0, 1)));
      words.say(plain[1] == '0' ? "O " + cardinal(plain.substr(2)) : cardinal(plain.substr(1)));
    } else {
      words.say(cardinal(plain));
    }
  } else if (points > 1 || !starts_word) {  // versions and the like
    for (const std::string& part : parts_at_points(plain)) {
      if (part.empty()) continue;
      bool round = part.find_first_not_of('0', 1) == std::string::npos;
      if (part[0] == '0' || (part.size() != 2 && !round)) {
        words.digits_one_by_one(part);
      } else {
        words.say(cardinal(part));
      }
    }
  } else if (is_currency(currency) && (points == 0 || number.size() - number.find('.') <= 3)) {
    CurrencyNames names = currency_names(currency);
    std::vector<std::string> parts = parts_at_points(plain);
    std::string whole = parts[0].empty() ? "0" : parts[0];
    std::string part = parts.size() > 1 && !parts[1].empty() ? parts[1] : "0";
    auto zero = [](const std::string& digits) { return digits.find_first_not_of('0') == std::string::npos; };
    auto one = [](const std::string& digits) { return cardinal(digits) == "one"; };
    Phonemes out = number_words(words.text());
    auto append = [&](const Phonemes& phonemes) {
      if (!out.empty()) out += U' ';
      out += phonemes;
    };
    auto append_amount = [&](const std::string& digits, u32string_view single, u32string_view several) {
      append(number_words(cardinal(digits)));
      auto name = one(digits) || several == U"pence" ? look_up(single, {}) : plural(several, {});
      if (name) append(*name);
    };
    bool say_whole = zero(part) || !zero(whole);
    if (say_whole) append_amount(whole, names.whole, u32string(names.whole) + U's');
    if (!zero(part)) {
      if (say_whole) append(look_up(U"and", {}).value_or(U""));
      append_amount(part, names.part, names.parts);
    }
    return out;
  } else if (points == 0) {
    words.say(is_ordinal ? ordinal(plain) : cardinal(plain));
  } else if (plain[0] == '.') {
    words.say("point");
    words.digits_one_by_one(plain.substr(1));
  } else {
    words.say(decimal_number(plain));
  }
  Phonemes out = number_words(words.text());
  if (out.empty()) return std::nullopt;
  if (ending == U"s" || ending == U"'s") return with_s(std::move(out));
  if (ending == U"ed" || ending == U"'d") return with_ed(std::move(out));
  if (ending == U"ing") return with_ing(std::move(out));
  return out;
}

}  // namespace parley::phonemizer
