#include "engine/models/starter/phonemizer/lexicon.hpp"

#include <algorithm>
#include <array>

#include "engine/models/starter/phonemizer/stress.hpp"

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

constexpr u32string_view flapping_vowels = U"AIOWYiuæɑəɛɪɹʊʌ";  // t between these and a vowel is a flap
constexpr std::array<std::pair<u32string_view, u32string_view>, 4> symbol_words = {
    {{U"%", U"percent"}, {U"&", U"and"}, {U"+", U"plus"}, {U"@", U"at"}}};

bool one_of(u32string_view word, std::initializer_list<u32string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

u32string_view symbol_word(u32string_view symbol) {
  for (auto [written, said] : symbol_words)
    if (symbol == written) return said;
  return {};
}

// The class of a tag that dictionary entries use.
std::string_view word_class(std::string_view tag) {
  if (tag.starts_with("VB")) return "VERB";
  if (tag.starts_with("NN")) return "NOUN";
  if (tag.starts_with("ADV") || tag.starts_with("RB")) return "ADV";
  if (tag.starts_with("ADJ") || tag.starts_with("JJ")) return "ADJ";
  return tag;
}

// One part of an entry that depends on the tag: found without a reading is an empty inner optional.
std::optional<std::optional<std::string_view>> part_of(std::string_view entry, std::string_view tag) {
  for (std::size_t begin = 1; begin <= entry.size();) {
    std::size_t end = std::min(entry.find('\x1f', begin), entry.size());
    std::string_view part = entry.substr(begin, end - begin);
    if (part == tag) return std::optional<std::string_view>();
    if (part.size() > tag.size() && part.starts_with(tag) && part[tag.size()] == '=')
      return std::optional(part.substr(tag.size() + 1));
    begin = end + 1;
  }
  return std::nullopt;
}

// "U.S.", "e.g.": letters in ones and twos with dots between
bool is_dotted(u32string_view word, const Unicode& unicode) {
  std::size_t first = word.find_first_not_of(U'.');
  if (first == u32string_view::npos) return false;
  u32string_view inner = word.substr(first, word.find_last_not_of(U'.') + 1 - first);
  if (inner.find(U'.') == u32string_view::npos) return false;
  std::size_t run = 0;
  for (char32_t c : word) {
    run = c == U'.' ? 0 : run + 1;
    if (run > 2 || (c != U'.' && !unicode.is(c, alpha))) return false;
  }
  return true;
}

bool is_versus(u32string_view word, const Unicode& unicode) {
  u32string lowered = unicode.to_lower(word);
  return lowered == U"vs" || lowered == U"vs.";
}

// "running", "trekking": a doubled consonant, or ck, before -ing
bool doubles_before_ing(u32string_view word) {
  if (word.ends_with(U"cking")) return true;
  if (word.size() < 5) return false;
  char32_t last = word[word.size() - 4];
  return last == word[word.size() - 5] && in(U"bcdgklmnprstvxz", last);
}

u32string operator+(u32string_view text, const char32_t* tail) { return u32string(text) + tail; }

}  // namespace

Phonemes with_s(Phonemes stem) {
  if (stem.empty()) return stem;
  if (in(U"ptkfθ", stem.back())) return stem + U's';
  if (in(U"szʃʒʧʤ", stem.back())) return stem + U"ᵻz";
  return stem + U'z';
}

Phonemes with_ed(Phonemes stem) {
  if (stem.empty()) return stem;
  char32_t last = stem.back();
  if (in(U"pkfθʃsʧ", last)) return stem + U't';
  if (last == U'd') return stem + U"ᵻd";
  if (last != U't') return stem + U'd';
  if (stem.size() < 2) return stem + U"ɪd";
  if (!in(flapping_vowels, stem[stem.size() - 2])) return stem + U"ᵻd";
  stem.back() = U'ɾ';
  return stem + U"ᵻd";
}

Phonemes with_ing(Phonemes stem) {
  if (stem.empty()) return stem;
  if (stem.size() > 1 && stem.back() == U't' && in(flapping_vowels, stem[stem.size() - 2]))
    stem.back() = U'ɾ';
  return stem + U"ɪŋ";
}

Lexicon::Lexicon(StringMap gold, StringMap silver, Unicode unicode)
    : gold_(gold), silver_(silver), unicode_(unicode) {}

std::optional<Phonemes> Lexicon::read(const Token& token, const ReadingContext& context) const {
  u32string text = token.alias.value_or(token.text);
  std::replace_if(text.begin(), text.end(), [](char32_t c) { return c == U'‘' || c == U'’'; }, U'\'');
  text = unicode_.compatible(text);
  for (char32_t& c : text)
    if (auto value = unicode_.digit_value(c)) c = U'0' + static_cast<char32_t>(*value);

  std::optional<float> stress;  // capitals are stressed a little, all capitals strongly
  if (text != unicode_.to_lower(text)) stress = text == unicode_.to_upper(text) ? 2.0F : 0.5F;
  if (auto phonemes = word(text, {token.tag, stress, &context})) {
    if (is_currency(token.currency)) {
      u32string_view unit = token.currency == U'$'   ? U"dollars"
                            : token.currency == U'£' ? U"pounds"
                                                     : U"euros";
      if (auto name = plural(unit, {})) *phonemes += U' ' + *name;
    }
    return phonemes;
  }
  if (is_number(text, token.starts_word)) return read_number(text, token.currency, token.starts_word);
  return std::nullopt;
}

std::optional<std::string_view> Lexicon::find(const StringMap& dictionary, u32string_view word,
                                              const Unicode& unicode) {
  auto value = dictionary.find(encode_utf8(word));
  if (value || word.size() < 2) return value;
  u32string lowered = unicode.to_lower(word);
  u32string capitalized = unicode.capitalized(word);
  if (word == lowered) return capitalized == word ? std::nullopt : dictionary.find(encode_utf8(capitalized));
  if (word == capitalized) return dictionary.find(encode_utf8(lowered));
  return std::nullopt;
}

bool Lexicon::known(u32string_view word) const {
  if (in_gold(word) || !symbol_word(word).empty() || in_silver(word)) return true;
  bool latin = !word.empty() && std::all_of(word.begin(), word.end(), [](char32_t c) {
    return (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z');
  });
  if (!latin) return false;
  if (word.size() == 1) return true;
  if (word == unicode_.to_upper(word) && in_gold(unicode_.to_lower(word))) return true;
  return word.substr(1) == unicode_.to_upper(word.substr(1));
}

Lexicon::Reading Lexicon::spelled(u32string_view letters) const {
  Phonemes phonemes;
  for (char32_t c : letters) {
    if (!unicode_.is(c, alpha)) continue;
    char32_t capital = unicode_.to_upper(c);
    auto name = find(gold_, {&capital, 1}, unicode_);
    if (!name || name->starts_with('\x1f')) return std::nullopt;
    phonemes += decode_utf8(*name);
  }
  phonemes = with_stress(std::move(phonemes), 0.0F);
  std::size_t last = phonemes.rfind(secondary_stress);
  if (last != Phonemes::npos) phonemes[last] = primary_stress;
  return phonemes;
}

Lexicon::Reading Lexicon::special_case(u32string_view word, const Query& query) const {
  std::string_view tag = query.tag;
  const ReadingContext& context = *query.context;
  bool noun = tag.starts_with("NN");
  if (tag == "ADD" && (word == U"." || word == U"/"))
    return look_up(word == U"." ? U"dot" : U"slash", {"", -0.5F, query.context});
  if (!symbol_word(word).empty()) return look_up(symbol_word(word), {"", std::nullopt, query.context});
  if (is_dotted(word, unicode_)) return spelled(word);
  if (one_of(word, {U"a", U"A"})) return tag == "DT" ? U"ɐ" : U"ˈA";
  if (one_of(word, {U"am", U"Am", U"AM"})) {
    if (noun) return spelled(word);
    bool strong = !context.vowel_follows || word != U"am" || query.stress.value_or(0) > 0;
    return strong ? U"æm" : U"ɐm";
  }
  if (one_of(word, {U"an", U"An", U"AN"})) return word == U"AN" && noun ? spelled(word) : Reading(U"ɐn");
  if (word == U"I" && tag == "PRP") return U"ˌI";
  if (one_of(word, {U"by", U"By", U"BY"}) && word_class(tag) == "ADV") return U"bˈI";
  if (one_of(word, {U"to", U"To"}) || (word == U"TO" && (tag == "TO" || tag == "IN"))) {
    if (!context.vowel_follows) return U"tu";
    return *context.vowel_follows ? U"tʊ" : U"tə";
  }
  if (one_of(word, {U"in", U"In"}) || (word == U"IN" && tag != "NNP"))
    return !context.vowel_follows || tag != "IN" ? U"ˈɪn" : U"ɪn";
  if (one_of(word, {U"the", U"The"}) || (word == U"THE" && tag == "DT"))
    return context.vowel_follows.value_or(false) ? U"ði" : U"ðə";
  if (tag == "IN" && is_versus(word, unicode_)) return look_up(U"versus", {"", std::nullopt, query.context});
  if (one_of(word, {U"used", U"Used", U"USED"}))
    return (tag == "VBD" || tag == "JJ") && context.to_follows ? U"jˈust" : U"jˈuzd";
  return std::nullopt;
}

Lexicon::Reading Lexicon::look_up(u32string_view written, const Query& query) const {
  u32string word(written);
  bool proper_noun = false;
  if (word == unicode_.to_upper(word) && !in_gold(word)) {
    word = unicode_.to_lower(word);
    proper_noun = query.tag == "NNP";
  }
  auto entry = find(gold_, word, unicode_);
  if (!entry && !proper_noun) entry = find(silver_, word, unicode_);
  if (entry && entry->starts_with('\x1f')) {
    std::string_view tag = query.tag;
    if (query.context && !query.context->vowel_follows && part_of(*entry, "None")) {
      tag = "None";
    } else if (!part_of(*entry, tag)) {
      tag = word_class(tag);
    }
    auto part = part_of(*entry, tag);
    if (!part) part = part_of(*entry, "DEFAULT");
    entry = part.value_or(std::nullopt);
  }
  Reading reading;
  if (entry) reading = decode_utf8(*entry);
  if (!reading || (proper_noun && reading->find(primary_stress) == Phonemes::npos))
    if (auto letters = spelled(word)) return letters;
  if (!reading) return std::nullopt;
  return with_stress(std::move(*reading), query.stress);
}

Lexicon::Reading Lexicon::plural(u32string_view word, const Query& query) const {
  if (word.size() < 3 || !word.ends_with(U's')) return std::nullopt;
  auto without = [&](std::size_t count) { return word.substr(0, word.size() - count); };
  u32string stem;
  if (!word.ends_with(U"ss") && known(without(1))) {
    stem = without(1);
  } else if ((word.ends_with(U"'s") ||
              (word.size() > 4 && word.ends_with(U"es") && !word.ends_with(U"ies"))) &&
             known(without(2))) {
    stem = without(2);
  } else if (word.size() > 4 && word.ends_with(U"ies") && known(without(3) + U"y")) {
    stem = without(3) + U"y";
  } else {
    return std::nullopt;
  }
  auto reading = look_up(stem, query);
  return reading && !reading->empty() ? Reading(with_s(*reading)) : std::nullopt;
}

Lexicon::Reading Lexicon::past(u32string_view word, const Query& query) const {
  if (word.size() < 4 || !word.ends_with(U'd')) return std::nullopt;
  u32string_view stem;
  if (!word.ends_with(U"dd") && known(word.substr(0, word.size() - 1))) {
    stem = word.substr(0, word.size() - 1);
  } else if (word.size() > 4 && word.ends_with(U"ed") && !word.ends_with(U"eed") &&
             known(word.substr(0, word.size() - 2))) {
    stem = word.substr(0, word.size() - 2);
  } else {
    return std::nullopt;
  }
  auto reading = look_up(stem, query);
  return reading && !reading->empty() ? Reading(with_ed(*reading)) : std::nullopt;
}

Lexicon::Reading Lexicon::gerund(u32string_view word, const Query& query) const {
  if (word.size() < 5 || !word.ends_with(U"ing")) return std::nullopt;
  u32string_view root = word.substr(0, word.size() - 3);
  u32string stem;
  if (word.size() > 5 && known(root)) {
    stem = root;
  } else if (known(root + U"e")) {
    stem = root + U"e";
  } else if (word.size() > 5 && doubles_before_ing(word) && known(root.substr(0, root.size() - 1))) {
    stem = root.substr(0, root.size() - 1);
  } else {
    return std::nullopt;
  }
  auto reading = look_up(stem, query);
  return reading && !reading->empty() ? Reading(with_ing(*reading)) : std::nullopt;
}

Lexicon::Reading Lexicon::word(u32string_view written, const Query& query) const {
  if (auto reading = special_case(written, query)) return reading;
  u32string word(written);
  u32string lowered = unicode_.to_lower(word);

  // A capitalised form of an ordinary word is read as that word, unless it is a short name.
  u32string letters = word;
  std::erase(letters, U'\'');
  bool capitals = word.size() > 1 && unicode_.all(letters, alpha) && word != lowered;
  bool whole_or_first = word == unicode_.to_upper(word) || word.substr(1) == lowered.substr(1);
  if (capitals && whole_or_first && (query.tag != "NNP" || word.size() > 7) && !in_gold(word) &&
      !in_silver(word) &&
      (in_gold(lowered) || in_silver(lowered) || plural(lowered, query) || past(lowered, query) ||
       gerund(lowered, query)))
    word = lowered;

  u32string_view view = word;
  if (known(view)) return look_up(view, query);
  if (view.ends_with(U"s'") && known(view.substr(0, view.size() - 2) + U"'s"))
    return look_up(view.substr(0, view.size() - 2) + U"'s", query);
  if (view.ends_with(U'\'') && known(view.substr(0, view.size() - 1)))
    return look_up(view.substr(0, view.size() - 1), query);
  if (auto reading = plural(view, query)) return reading;
  if (auto reading = past(view, query)) return reading;
  return gerund(view, {query.tag, query.stress.value_or(0.5F), query.context});
}

}  // namespace parley::phonemizer
