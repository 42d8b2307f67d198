#include "engine/models/starter/phonemizer/tagger.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace parley::phonemizer {
namespace {

using std::u32string_view;

// The last three code points of a UTF-8 string.
std::string ending(const std::string& text) {
  std::size_t begin = text.size();
  for (int left = 3; left > 0 && begin > 0;) {
    --begin;
    bool starts_point = (static_cast<unsigned char>(text[begin]) & 0xC0) != 0x80;
    if (starts_point) --left;
  }
  return text.substr(begin);
}

}  // namespace

Tagger::Tagger(TaggerTables tables, Unicode unicode) : tables_(std::move(tables)), unicode_(unicode) {
  const auto& tags = tables_.tags;
  std::vector<std::size_t> by_name(tags.size());
  std::iota(by_name.begin(), by_name.end(), 0);
  std::sort(by_name.begin(), by_name.end(), [&](std::size_t a, std::size_t b) { return tags[a] < tags[b]; });
  rank_.resize(tags.size());
  for (std::size_t i = 0; i < by_name.size(); ++i) rank_[by_name[i]] = static_cast<int>(i);
  noun_ = static_cast<std::size_t>(std::find(tags.begin(), tags.end(), "NN") - tags.begin());
  if (noun_ == tags.size())
    throw std::runtime_error("pronunciation.json: `tags` lacks NN; convert the voice again");
}

void Tagger::tag(std::vector<Token>& tokens) const {
  std::vector<std::string> context = {"-START2-", "-START-"};
  for (const Token& token : tokens) context.push_back(context_form(token.text));
  context.insert(context.end(), {"-END-", "-END2-"});

  std::string previous = "-START-";
  std::string before_previous = "-START2-";
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    u32string_view word = tokens[i].text;
    std::string written = encode_utf8(word);
    std::size_t tag;
    if (auto known = tables_.words.find(written)) {
      tag = tables_.word_tags[*known];
    } else {
      const std::string* here = &context[i + 2];
      tag =
          predict({"b", "s3=" + ending(written), "p1=" + encode_utf8(word.substr(0, 1)), "w=" + here[0],
                   "sh=" + shape(word), i == 0 ? "i0" : "i+", "t-1=" + previous, "t-2=" + before_previous,
                   "t-12=" + previous + "," + before_previous, "w-1=" + here[-1], "s3-1=" + ending(here[-1]),
                   "w-2=" + here[-2], "w+1=" + here[1], "s3+1=" + ending(here[1]), "w+2=" + here[2]});
    }
    tokens[i].tag = tables_.tags[tag];
    before_previous = std::exchange(previous, tokens[i].tag);
  }
}

std::size_t Tagger::predict(const std::vector<std::string>& features) const {
  std::vector<int> scores(tables_.tags.size(), 0);
  bool any = false;
  for (const std::string& feature : features) {
    auto row = tables_.features.find(feature);
    if (!row) continue;
    any = true;
    std::uint32_t begin = *row == 0 ? 0 : tables_.row_ends[*row - 1];
    for (std::uint32_t i = begin; i < tables_.row_ends[*row]; ++i)
      scores[tables_.weight_tags[i]] += tables_.weight_tenths[i];
  }
  if (!any) return noun_;
  std::size_t best = 0;
  for (std::size_t tag = 1; tag < scores.size(); ++tag)
    if (scores[tag] > scores[best] || (scores[tag] == scores[best] && rank_[tag] > rank_[best])) best = tag;
  return best;
}

std::string Tagger::context_form(u32string_view word) const {
  std::string form;
  if (word.find(U'-') != u32string_view::npos && word[0] != U'-') {
    form = "!HYPHEN";
  } else if (unicode_.all(word, digit) && word.size() == 4) {
    form = "!YEAR";
  } else if (unicode_.is(word[0], digit)) {
    form = "!DIGITS";
  } else {
    form = encode_utf8(unicode_.to_lower(word));
  }
  return tables_.frequent.contains(form) ? form : "<" + shape(word) + ">";
}

std::string Tagger::shape(u32string_view word) const {
  if (unicode_.all(word, alpha)) {
    if (unicode_.is_lower(word)) return "x";
    if (unicode_.is_upper(word)) return word.size() > 1 ? "XX" : "X1";
    bool capitalized = unicode_.is(word[0], upper) && unicode_.is_lower(word.substr(1));
    return capitalized ? "Xx" : "xX";
  }
  if (unicode_.all(word, digit)) return "d";
  std::string out;
  for (char32_t c : word.substr(0, 4)) {
    if (unicode_.is(c, digit)) {
      out += 'd';
    } else if (unicode_.is(c, alpha)) {
      out += 'x';
    } else {
      out += encode_utf8({&c, 1});
    }
  }
  return out;
}

}  // namespace parley::phonemizer
