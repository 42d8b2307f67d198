#include "engine/models/starter/phonemizer/stress.hpp"

#include <algorithm>

namespace parley::phonemizer {
namespace {

constexpr std::u32string_view vowels = U"AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ";
constexpr std::u32string_view consonants = U"bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ";
constexpr std::u32string_view two_beats = U"AIOQWYʤʧ";

bool has(std::u32string_view text, char32_t c) { return text.find(c) != std::u32string_view::npos; }
bool has_vowel(std::u32string_view text) { return std::any_of(text.begin(), text.end(), is_vowel); }

// The mark goes right before the first vowel.
Phonemes marked(char32_t mark, Phonemes phonemes) {
  auto vowel = std::find_if(phonemes.begin(), phonemes.end(), is_vowel);
  phonemes.insert(vowel, mark);
  return phonemes;
}

}  // namespace

bool is_vowel(char32_t phoneme) { return has(vowels, phoneme); }
bool is_consonant(char32_t phoneme) { return has(consonants, phoneme); }

int stress_weight(std::u32string_view phonemes) {
  int weight = 0;
  for (char32_t c : phonemes) weight += has(two_beats, c) ? 2 : 1;
  return weight;
}

Phonemes with_stress(Phonemes phonemes, std::optional<float> level) {
  if (!level) return phonemes;
  bool primary = has(phonemes, primary_stress);
  bool secondary = has(phonemes, secondary_stress);
  if (*level < -1) {
    std::erase_if(phonemes, [](char32_t c) { return c == primary_stress || c == secondary_stress; });
    return phonemes;
  }
  if (*level == -1 || ((*level == 0 || *level == -0.5F) && primary)) {
    std::erase(phonemes, secondary_stress);
    std::replace(phonemes.begin(), phonemes.end(), primary_stress, secondary_stress);
    return phonemes;
  }
  if (*level >= 0 && *level <= 1 && !primary && !secondary)
    return has_vowel(phonemes) ? marked(secondary_stress, std::move(phonemes)) : phonemes;
  if (*level >= 1 && !primary && secondary) {
    std::replace(phonemes.begin(), phonemes.end(), secondary_stress, primary_stress);
    return phonemes;
  }
  if (*level > 1 && !primary && !secondary && has_vowel(phonemes))
    return marked(primary_stress, std::move(phonemes));
  return phonemes;
}

}  // namespace parley::phonemizer
