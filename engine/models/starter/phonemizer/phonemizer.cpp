#include "engine/models/starter/phonemizer/phonemizer.hpp"

#include <algorithm>

#include "engine/models/starter/phonemizer/lexicon.hpp"
#include "engine/models/starter/phonemizer/normalizer.hpp"
#include "engine/models/starter/phonemizer/pattern.hpp"
#include "engine/models/starter/phonemizer/pronunciation_tables.hpp"
#include "engine/models/starter/phonemizer/stress.hpp"
#include "engine/models/starter/phonemizer/tagger.hpp"
#include "engine/models/starter/phonemizer/tokenizer.hpp"
#include "engine/models/starter/phonemizer/unknown_words.hpp"
#include "engine/models/starter/phonemizer/word_groups.hpp"

namespace parley::phonemizer {
namespace {

using std::u32string;
using std::u32string_view;

u32string_view symbol_name(char32_t symbol) {
  switch (symbol) {
    case U'/':
      return U"slˈæʃ";
    case U'=':
      return U"ˈikwᵊlz";
    case U'+':
      return U"plˈʌs";
    case U'&':
      return U"ænd";
    case U'@':
      return U"æt";
    case U'%':
      return U"pəɹsˈɛnt";
    case U'#':
      return U"hˈæʃ";
    case U'*':
      return U"ˈæstəɹˌɪsk";
    case U'~':
      return U"tˈɪldə";
    case U'^':
      return U"kˈɛɹət";
    case U'<':
      return U"lˈɛs ðən";
    case U'>':
      return U"ɡɹˈATəɹ ðən";
    case U'—':
      return U"—";
    default:
      return {};
  }
}

// What the words before `token` need to know once it is read as `phonemes`.
ReadingContext context_before(const Token& token, u32string_view phonemes, ReadingContext after) {
  for (char32_t c : phonemes) {
    if (is_pause(c)) {
      after.vowel_follows.reset();
    } else if (is_vowel(c) || is_consonant(c)) {
      after.vowel_follows = is_vowel(c);
    } else {
      continue;
    }
    break;
  }
  after.to_follows = token.text == U"to" || token.text == U"To" ||
                     (token.text == U"TO" && (token.tag == "TO" || token.tag == "IN"));
  return after;
}

}  // namespace

struct Phonemizer::Parts {
  explicit Parts(const std::filesystem::path& folder)
      : tables(folder),
        unicode(tables.unicode()),
        normalizer(tables.normalizer(), unicode),
        tokenizer(tables.exceptions(), unicode),
        tagger(tables.tagger(), unicode),
        lexicon(tables.gold(), tables.silver(), unicode),
        unknown_words(tables.unknown_words()),
        titles(tables.titles()),
        link(U"\\[([^\\]]+)\\]\\(([^)]*)\\)") {}

  std::vector<Token> tokens(u32string_view text) const;
  void append_tokens(std::vector<Token>& tokens, u32string_view text, std::size_t offset) const;
  void read_group(WordGroup& group, ReadingContext& context) const;
  void read_in_pieces(WordGroup& group, ReadingContext& context) const;
  Phonemes read_unknown(u32string_view text) const;

  PronunciationTables tables;  // first: the others look into it
  Unicode unicode;
  Normalizer normalizer;
  Tokenizer tokenizer;
  Tagger tagger;
  Lexicon lexicon;
  UnknownWords unknown_words;
  std::vector<u32string> titles;
  Pattern link;
};

Phonemizer::Phonemizer(const std::filesystem::path& voice_folder)
    : parts_(std::make_unique<Parts>(voice_folder)) {}
Phonemizer::~Phonemizer() = default;
Phonemizer::Phonemizer(Phonemizer&&) noexcept = default;

std::vector<SpokenWord> Phonemizer::read(u32string_view sentence) const {
  MappedText text = parts_->normalizer.normalize(sentence);
  std::vector<WordGroup> groups = word_groups(parts_->tokens(text.text()), parts_->unicode);
  ReadingContext context;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) parts_->read_group(*group, context);

  std::vector<SpokenWord> words;
  for (const WordGroup& group : groups) {
    SpokenWord word;
    word.phonemes = joined_phonemes(group);
    std::replace(word.phonemes.begin(), word.phonemes.end(), U'ɾ', U'T');
    std::replace(word.phonemes.begin(), word.phonemes.end(), U'ʔ', U't');
    word.space_after = group.back().space_after;
    word.text_end = text.source_position(group.back().end);
    words.push_back(std::move(word));
  }
  if (!words.empty()) words.back().text_end = static_cast<std::uint32_t>(sentence.size());
  return words;
}

u32string Phonemizer::joined(const std::vector<SpokenWord>& words) {
  u32string out;
  for (const SpokenWord& word : words) {
    out += word.phonemes;
    if (word.space_after) out += U' ';
  }
  out.erase(0, out.find_first_not_of(U' '));
  out.erase(out.find_last_not_of(U' ') + 1);
  return out;
}

bool Phonemizer::is_space(char32_t c) const { return parts_->unicode.is(c, space); }

bool Phonemizer::ends_sentence(u32string_view paragraph, std::size_t end, char32_t next) const {
  if (parts_->unicode.is(next, lower)) return false;
  if (paragraph[end - 1] != U'.') return true;
  std::size_t begin = paragraph.rfind(U' ', end - 1);
  begin = begin == u32string_view::npos ? 0 : begin + 1;
  u32string_view word = paragraph.substr(begin, end - 1 - begin);
  word.remove_prefix(std::min(word.find_first_not_of(U"(\"“'‘"), word.size()));
  bool title = std::find(parts_->titles.begin(), parts_->titles.end(), word) != parts_->titles.end();
  bool initial = word.size() == 1 && parts_->unicode.is(word[0], upper);
  return !title && !initial;
}

bool Phonemizer::can_cut(u32string_view sentence, std::size_t cut) const {
  u32string before = parts_->normalizer.normalize(sentence.substr(0, cut)).text();
  u32string after = parts_->normalizer.normalize(sentence.substr(cut)).text();
  u32string together = before + (before.empty() || after.empty() ? U"" : U" ") + after;
  return together == parts_->normalizer.normalize(sentence).text();
}

std::vector<Token> Phonemizer::Parts::tokens(u32string_view text) const {
  std::vector<Token> tokens;
  std::size_t position = 0;
  while (auto match = link.find(text, position)) {
    append_tokens(tokens, text.substr(position, match->whole().begin - position), position);
    position = match->whole().end;
    u32string_view target = (*match)[2];
    Token token;
    token.text = (*match)[1];
    token.tag = "NN";
    token.space_after = position < text.size() && unicode.is(text[position], space);
    token.end = position;
    if (target.size() > 1 && target.front() == U'/' && target.back() == U'/') {
      target.remove_prefix(1);
      target = target.substr(0, target.find_last_not_of(U'/') + 1);
      token.phonemes = Phonemes(target);
    }
    tokens.push_back(std::move(token));
  }
  append_tokens(tokens, text.substr(position), position);
  return tokens;
}

void Phonemizer::Parts::append_tokens(std::vector<Token>& tokens, u32string_view text,
                                      std::size_t offset) const {
  std::vector<Token> more = tokenizer.tokenize(text, offset);
  tagger.tag(more);
  std::move(more.begin(), more.end(), std::back_inserter(tokens));
}

void Phonemizer::Parts::read_group(WordGroup& group, ReadingContext& context) const {
  if (group.size() > 1) return read_in_pieces(group, context);
  Token& token = group[0];
  if (!token.phonemes) token.phonemes = lexicon.read(token, context);
  if (!token.phonemes) token.phonemes = read_unknown(token.text);
  context = context_before(token, *token.phonemes, context);
}

// The longest tail of the group that the lexicon knows is read first, then what is before it in the same way.
void Phonemizer::Parts::read_in_pieces(WordGroup& group, ReadingContext& context) const {
  std::size_t left = 0;
  std::size_t right = group.size();
  while (left < right) {
    bool done = std::any_of(group.begin() + static_cast<std::ptrdiff_t>(left),
                            group.begin() + static_cast<std::ptrdiff_t>(right),
                            [](const Token& token) { return token.alias || token.phonemes; });
    if (!done) {
      Token whole = merged(group, left, right, unicode);
      if (auto phonemes = lexicon.read(whole, context)) {
        context = context_before(whole, *phonemes, context);
        group[left].phonemes = std::move(phonemes);
        for (std::size_t i = left + 1; i < right; ++i) group[i].phonemes = U"";
        right = left;
        left = 0;
        continue;
      }
    }
    if (left + 1 < right) {
      ++left;
      continue;
    }
    --right;
    Token& token = group[right];
    if (!token.phonemes) {
      bool silent = std::all_of(token.text.begin(), token.text.end(), is_unsaid);
      if (!silent) {
        group[0].phonemes = read_unknown(merged(group, 0, group.size(), unicode).text);
        for (std::size_t i = 1; i < group.size(); ++i) group[i].phonemes = U"";
        return;
      }
      token.phonemes = U"";
    }
    left = 0;
  }
  settle_group(group, unicode);
}

// Letters go to the net, digits to the number rules, symbols have names.
Phonemes Phonemizer::Parts::read_unknown(u32string_view text) const {
  Phonemes out;
  auto append = [&](u32string_view phonemes) {
    if (!out.empty() && !phonemes.empty()) out += U' ';
    out += phonemes;
  };
  auto letter = [&](std::size_t i) { return i < text.size() && unicode.is_letter(text[i]); };
  auto digit = [&](std::size_t i) { return i < text.size() && unicode.is(text[i], decimal); };
  auto quote = [&](std::size_t i) { return i < text.size() && (text[i] == U'\'' || text[i] == U'’'); };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    if (letter(at)) {
      while (letter(end) || (quote(end) && letter(end + 1))) ++end;
      append(unknown_words.read(text.substr(at, end - at)));
    } else if (digit(at)) {
      while (digit(end) || (end < text.size() && (text[end] == U',' || text[end] == U'.') && digit(end + 1)))
        ++end;
      append(lexicon.read_number(text.substr(at, end - at), 0, /*starts_word=*/false).value_or(U""));
    } else if (!unicode.is_word(text[at]) && !unicode.is(text[at], space)) {
      Phonemes names;
      for (; end < text.size() && !unicode.is_word(text[end]) && !unicode.is(text[end], space); ++end)
        names += symbol_name(text[end]);
      append(names);
    } else {
      ++end;
    }
    at = end;
  }
  return out;
}

}  // namespace parley::phonemizer
