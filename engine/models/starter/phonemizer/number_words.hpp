// Whole numbers in English words: "one thousand, two hundred and thirty-four". Numbers are strings of ASCII
// digits, so that their length has no limit; beyond the decillions they are read digit by digit.
#pragma once

#include <string>
#include <string_view>

namespace parley::phonemizer {

std::string cardinal(std::string_view digits);        // "12" -> "twelve"; a leading '-' reads "minus"
std::string ordinal(std::string_view digits);         // "23" -> "twenty-third"
std::string year(std::string_view digits);            // "1905" -> "nineteen oh-five"; four digits or fewer
std::string decimal_number(std::string_view number);  // "3.140" -> "three point one four"

std::string cardinal(int number);
std::string ordinal(int number);

}  // namespace parley::phonemizer
