#include "engine/models/starter/phonemizer/number_words.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace parley::phonemizer {
namespace {

constexpr std::array<std::string_view, 20> below_twenty = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> tens = {"",      "",      "twenty",  "thirty", "forty",
                                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<std::string_view, 12> scales = {"",           "thousand",    "million",     "billion",
                                                     "trillion",   "quadrillion", "quintillion", "sextillion",
                                                     "septillion", "octillion",   "nonillion",   "decillion"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> irregular_ordinals = {
    {{"one", "first"},
     {"two", "second"},
     {"three", "third"},
     {"five", "fifth"},
     {"eight", "eighth"},
     {"nine", "ninth"},
     {"twelve", "twelfth"}}};

std::string below_hundred(int number) {
  if (number < 20) return std::string(below_twenty[static_cast<std::size_t>(number)]);
  std::string words(tens[static_cast<std::size_t>(number / 10)]);
  if (number % 10 != 0) words.append("-").append(below_twenty[static_cast<std::size_t>(number % 10)]);
  return words;
}

std::string below_thousand(int number) {
  if (number < 100) return below_hundred(number);
  std::string words(below_twenty[static_cast<std::size_t>(number / 100)]);
  words += " hundred";
  if (number % 100 != 0) words += " and " + below_hundred(number % 100);
  return words;
}

std::string digit_by_digit(std::string_view digits) {
  std::string words;
  for (char c : digits) {
    if (!words.empty()) words += ' ';
    words += below_twenty[static_cast<std::size_t>(c - '0')];
  }
  return words;
}

std::string ordinal_of_word(std::string_view word) {
  for (auto [regular, irregular] : irregular_ordinals)
    if (word == regular) return std::string(irregular);
  if (word.ends_with('y')) return std::string(word.substr(0, word.size() - 1)) + "ieth";
  return std::string(word) + "th";
}

}  // namespace

std::string cardinal(std::string_view digits) {
  if (digits.starts_with('-')) return "minus " + cardinal(digits.substr(1));
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return "zero";
  if (digits.size() > 3 * scales.size()) return digit_by_digit(digits);

  struct Group {
    int value;
    std::size_t scale;
  };
  std::vector<Group> groups;  // highest first, zeros left out
  for (std::size_t end = digits.size(), scale = 0; end > 0; ++scale) {
    std::size_t begin = end < 3 ? 0 : end - 3;
    int value = std::stoi(std::string(digits.substr(begin, end - begin)));
    if (value != 0) groups.insert(groups.begin(), {value, scale});
    end = begin;
  }
  std::string words;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto [value, scale] = groups[i];
    bool short_tail = scale == 0 && value < 100;  // "one thousand and one", but "one thousand, one hundred"
    if (i > 0) words += short_tail ? " and " : ", ";
    words += below_thousand(value);
    if (scale > 0) words.append(" ").append(scales[scale]);
  }
  return words;
}

std::string ordinal(std::string_view digits) {
  std::string words = cardinal(digits);
  std::size_t last = words.find_last_of(" -");
  last = last == std::string::npos ? 0 : last + 1;
  return words.substr(0, last) + ordinal_of_word(std::string_view(words).substr(last));
}

std::string year(std::string_view digits) {
  int number = std::stoi(std::string(digits));
  int high = number / 100;
  int low = number % 100;
  if (high == 0 || high >= 100 || (high % 10 == 0 && low < 10)) return cardinal(digits);
  if (low == 0) return cardinal(high) + " hundred";
  return cardinal(high) + (low < 10 ? " oh-" : " ") + cardinal(low);
}

std::string decimal_number(std::string_view number) {
  std::size_t point = std::min(number.find('.'), number.size());
  std::string_view fraction = number.substr(std::min(point + 1, number.size()));
  fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
  std::string words = cardinal(number.substr(0, point));
  if (!fraction.empty()) words += " point " + digit_by_digit(fraction);
  return words;
}

std::string cardinal(int number) { return cardinal(std::to_string(number)); }
std::string ordinal(int number) { return ordinal(std::to_string(number)); }

}  // namespace parley::phonemizer
