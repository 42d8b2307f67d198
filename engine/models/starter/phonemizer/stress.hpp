// Stress marks in a reading: ˈ primary, ˌ secondary, each before the vowel it stresses.
#pragma once

#include <optional>
#include <string_view>

#include "engine/models/starter/phonemizer/token.hpp"

namespace parley::phonemizer {

inline constexpr char32_t primary_stress = U'ˈ';
inline constexpr char32_t secondary_stress = U'ˌ';

bool is_vowel(char32_t phoneme);
bool is_consonant(char32_t phoneme);

// How many beats a reading has: two for a diphthong or affricate, one for anything else.
int stress_weight(std::u32string_view phonemes);

// Raises or lowers the stress of a reading. `level`: below -1 none; -1 primary becomes secondary; -0.5 and 0
// the same if there is a primary, and 0 to 1 give secondary to a reading without any; from 1 on secondary
// becomes primary, and above 1 a reading without any gets a primary.
Phonemes with_stress(Phonemes phonemes, std::optional<float> level);

}  // namespace parley::phonemizer
