// From tokens to groups that are read together: tokens are split where case, digits or punctuation change
// ("B-52s" -> "B" "-" "52s"), amounts get the currency sign before them, and pieces without a space between
// them form one group, which the lexicon may know as a whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/models/starter/phonemizer/token.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::phonemizer {

using WordGroup = std::vector<Token>;

std::vector<WordGroup> word_groups(const std::vector<Token>& tokens, const Unicode& unicode);

// One token for tokens [begin, end) of a group: their text, the tag of the longest, no phonemes.
Token merged(const WordGroup& group, std::size_t begin, std::size_t end, const Unicode& unicode);

// Phonemes of a group whose tokens all have theirs.
Phonemes joined_phonemes(const WordGroup& group);

// After the tokens of a group were read one by one: silences what is not said, sets apart what is not one
// word
// ("rock/pop"), and takes stress away where a compound would have too much of it.
void settle_group(WordGroup& group, const Unicode& unicode);

bool is_pause(char32_t c);   // ; : , . ! ? — …
bool is_unsaid(char32_t c);  // marks inside a word that have no sound of their own

}  // namespace parley::phonemizer
