#include "engine/models/starter/phonemizer/word_groups.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "engine/models/starter/phonemizer/lexicon.hpp"
#include "engine/models/starter/phonemizer/stress.hpp"

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

constexpr u32string_view pauses = U";:,.!?—…";
constexpr u32string_view spoken_punctuation = U";:,.!?—…\"“”";
constexpr u32string_view unsaid = U"',-._‘’/";
constexpr u32string_view quote_marks = U"'‘’";
constexpr std::array<std::string_view, 11> punctuation_tags = {".",  ",", "-LRB-", "-RRB-", "``", "\"\"",
                                                               "''", ":", "$",     "#",     "NFP"};

bool is_quote(char32_t c) { return in(quote_marks, c); }

// Length of the piece that starts at `at`; 0: the sign belongs to no piece.
std::size_t piece_length(u32string_view text, std::size_t at, const Unicode& unicode) {
  u32string_view rest = text.substr(at);
  auto sign = [&](std::size_t i) { return i < rest.size() ? rest[i] : U'\0'; };
  auto run = [&](std::size_t from, auto&& test) {
    while (from < rest.size() && test(rest[from])) ++from;
    return from;
  };
  auto letter = [&](char32_t c) { return unicode.is_letter(c); };
  // 't, 's and the like: a quote with one letter
  auto quoted_letter = [&](std::size_t i) { return is_quote(sign(i)) && letter(sign(i + 1)); };

  std::size_t opening_quotes = run(0, is_quote);
  if (opening_quotes > 0 && at == 0) return opening_quotes;
  if (is_latin_upper(rest[0]) && is_latin_upper(sign(1)) && is_latin_lower(sign(2)))
    return 1;  // the I of "IPhone"

  std::size_t number = at == 0 && rest[0] == U'-' ? 1 : 0;
  std::size_t digits = number;
  while (true) {
    std::size_t next = digits + (sign(digits) == U',' || sign(digits) == U'.' ? 1 : 0);
    if (!unicode.is(sign(next), decimal)) break;
    digits = next + 1;
  }
  if (digits > number) return digits;
  std::size_t dashes = run(0, [](char32_t c) { return c == U'-' || c == U'_'; });
  if (dashes > 0) return dashes;
  if (opening_quotes >= 2) return opening_quotes;

  // up to a small letter before a capital: "camel" of "camelCase"
  for (std::size_t letters = 0; letters == 0 || letter(sign(letters - 1)); ++letters) {
    for (std::size_t end = letters;; end += 2) {
      if (is_latin_lower(sign(end)) && is_latin_upper(sign(end + 1))) return end + 1;
      if (!quoted_letter(end)) break;
    }
  }
  std::size_t word = run(0, letter);
  if (word > 0) {
    while (quoted_letter(word)) word += 2;
    return word;
  }
  if (!unicode.is_word(rest[0]) && rest[0] != U'-' && !is_quote(rest[0])) return 1;
  return opening_quotes > 0 && opening_quotes == rest.size() ? opening_quotes : 0;
}

std::vector<Token> pieces_of(const Token& token, const Unicode& unicode) {
  std::vector<Token> pieces;
  std::size_t start = token.end - token.text.size();
  for (std::size_t at = 0; at < token.text.size();) {
    std::size_t length = piece_length(token.text, at, unicode);
    if (length > 0) {
      Token piece;
      piece.text = token.text.substr(at, length);
      piece.tag = token.tag;
      piece.end = start + at + length;
      pieces.push_back(std::move(piece));
    }
    at += std::max<std::size_t>(length, 1);
  }
  if (pieces.empty()) {  // nothing that could be said
    pieces.push_back(token);
    pieces.back().phonemes = U"";
  }
  pieces.back().space_after = token.space_after;
  pieces.back().end = token.end;
  return pieces;
}

Phonemes punctuation_phonemes(const Token& token) {
  if (token.tag == "-LRB-") return U"(";
  if (token.tag == "-RRB-") return U")";
  if (token.tag == "``") return U"“";
  if (token.tag == "\"\"" || token.tag == "''") return U"”";
  Phonemes said;
  std::copy_if(token.text.begin(), token.text.end(), std::back_inserter(said),
               [](char32_t c) { return in(spoken_punctuation, c); });
  return said;
}

bool has_punctuation_tag(const Token& token, const Unicode& unicode) {
  bool tagged =
      std::find(punctuation_tags.begin(), punctuation_tags.end(), token.tag) != punctuation_tags.end();
  bool latin = std::all_of(token.text.begin(), token.text.end(), [&](char32_t c) {
    char32_t lowered = unicode.to_lower(c);
    return lowered >= U'a' && lowered <= U'z';
  });
  return tagged && !latin;
}

}  // namespace

bool is_pause(char32_t c) { return in(pauses, c); }
bool is_unsaid(char32_t c) { return in(unsaid, c); }

std::vector<WordGroup> word_groups(const std::vector<Token>& tokens, const Unicode& unicode) {
  std::vector<WordGroup> groups;
  bool open = false;  // the last group still takes tokens
  char32_t currency = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    bool given = tokens[i].phonemes.has_value();
    const std::vector<Token> pieces = given ? std::vector<Token>{tokens[i]} : pieces_of(tokens[i], unicode);
    for (std::size_t j = 0; j < pieces.size(); ++j) {
      Token piece = pieces[j];
      bool last = j + 1 == pieces.size();
      if (piece.phonemes) {
        // its reading came with the text
      } else if (piece.tag == "$" && piece.text.size() == 1 && Lexicon::is_currency(piece.text[0])) {
        currency = piece.text[0];
        piece.phonemes = U"";
      } else if (piece.tag == ":" && (piece.text == U"-" || piece.text == U"–")) {
        piece.phonemes = U"—";
      } else if (has_punctuation_tag(piece, unicode)) {
        piece.phonemes = punctuation_phonemes(piece);
      } else if (currency != 0) {
        bool amount_goes_on = i + 1 < tokens.size() && tokens[i + 1].tag == "CD";
        if (piece.tag != "CD") {
          currency = 0;
        } else if (last && !amount_goes_on) {
          piece.currency = currency;
        }
      } else if (j > 0 && !last && piece.text == U"2" && unicode.is(pieces[j - 1].text.back(), alpha) &&
                 unicode.is(pieces[j + 1].text.front(), alpha)) {
        piece.alias = U"to";  // "peer2peer"
      }
      bool alone = piece.phonemes || piece.alias;
      if (alone) {
        groups.push_back({std::move(piece)});
        open = false;
      } else if (open && !groups.back().back().space_after) {
        piece.starts_word = false;
        groups.back().push_back(std::move(piece));
      } else {
        open = !piece.space_after;
        groups.push_back({std::move(piece)});
      }
    }
  }
  return groups;
}

Token merged(const WordGroup& group, std::size_t begin, std::size_t end, const Unicode& unicode) {
  Token whole = group[begin];
  int heaviest = -1;
  char32_t currency = 0;
  whole.text.clear();
  for (std::size_t i = begin; i < end; ++i) {
    const Token& part = group[i];
    whole.text += part.text;
    if (part.space_after && i + 1 < end) whole.text += U' ';
    int weight = 0;  // capitals count twice
    for (char32_t c : part.text) weight += unicode.to_lower(c) == c ? 1 : 2;
    if (weight > heaviest) whole.tag = part.tag;
    heaviest = std::max(heaviest, weight);
    currency = std::max(currency, part.currency);
  }
  whole.space_after = group[end - 1].space_after;
  whole.end = group[end - 1].end;
  whole.phonemes.reset();
  whole.alias.reset();
  whole.currency = currency;
  return whole;
}

Phonemes joined_phonemes(const WordGroup& group) {
  Phonemes out;
  for (const Token& token : group) {
    Phonemes phonemes = token.phonemes.value_or(U"");
    if (token.spaced && !out.empty() && out.back() != U' ' && !phonemes.empty()) out += U' ';
    out += phonemes;
  }
  return out;
}

void settle_group(WordGroup& group, const Unicode& unicode) {
  u32string text;
  for (std::size_t i = 0; i < group.size(); ++i) {
    text += group[i].text;
    if (group[i].space_after && i + 1 < group.size()) text += U' ';
  }
  std::array<bool, 3> kinds{};  // letters, digits, other signs
  for (char32_t c : text)
    if (!is_unsaid(c)) kinds[unicode.is(c, alpha) ? 0 : c >= U'0' && c <= U'9' ? 1 : 2] = true;
  bool mixed = kinds[0] + kinds[1] + kinds[2] > 1;
  bool apart = mixed || in(text, U' ') || in(text, U'/');

  for (std::size_t i = 0; i < group.size(); ++i) {
    Token& token = group[i];
    if (token.phonemes) {
      if (i > 0) token.spaced = apart;
    } else if (i + 1 == group.size() && token.text.size() == 1 && is_pause(token.text[0])) {
      token.phonemes = token.text;
    } else if (std::all_of(token.text.begin(), token.text.end(), is_unsaid)) {
      token.phonemes = U"";
    }
  }
  if (apart) return;

  std::vector<std::tuple<bool, int, std::size_t>> stressed;  // primary stress or not, beats, which token
  for (std::size_t i = 0; i < group.size(); ++i)
    if (const auto& phonemes = group[i].phonemes; phonemes && !phonemes->empty())
      stressed.emplace_back(in(*phonemes, primary_stress), stress_weight(*phonemes), i);
  auto weaken = [&](std::size_t i) { group[i].phonemes = with_stress(std::move(*group[i].phonemes), -0.5F); };
  if (stressed.size() == 2 && group[std::get<2>(stressed[0])].text.size() == 1) {
    weaken(std::get<2>(stressed[1]));
    return;
  }
  auto primaries = static_cast<std::size_t>(
      std::count_if(stressed.begin(), stressed.end(), [](const auto& token) { return std::get<0>(token); }));
  if (stressed.size() < 2 || primaries <= (stressed.size() + 1) / 2) return;
  std::sort(stressed.begin(), stressed.end());
  for (std::size_t i = 0; i < stressed.size() / 2; ++i) weaken(std::get<2>(stressed[i]));
}

}  // namespace parley::phonemizer
