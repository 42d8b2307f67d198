#include "engine/models/starter/voice/speech_text.hpp"

#include <algorithm>

#include "engine/models/starter/phonemizer/unicode.hpp"

namespace parley::voice {
namespace {

// Bytes at the end that begin a code point and lack its rest.
std::size_t unfinished_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

bool is_pause(char32_t phoneme) {
  return std::u32string_view(U" ;:,.!?—…\"()“”").find(phoneme) != std::u32string_view::npos;
}

}  // namespace

void SpeechText::push(std::string_view utf8) {
  cut_ += utf8;
  std::size_t whole = cut_.size() - unfinished_bytes(cut_);
  std::u32string text = phonemizer::decode_utf8(std::string_view(cut_).substr(0, whole));
  cut_.erase(0, whole);
  code_points_ += static_cast<std::uint32_t>(text.size());
  splitter_.push(text);
}

void SpeechText::finish() {
  if (!cut_.empty()) {
    std::u32string rest = phonemizer::decode_utf8(cut_);
    cut_.clear();
    code_points_ += static_cast<std::uint32_t>(rest.size());
    splitter_.push(rest);
  }
  splitter_.finish();
}

std::vector<UtteranceWord> SpeechText::words_of(std::u32string_view sentence, std::uint32_t begin) const {
  std::vector<UtteranceWord> words;
  for (const phonemizer::SpokenWord& spoken : phonemizer_->read(sentence)) {
    UtteranceWord word;
    word.text_end = begin + spoken.text_end;
    auto append = [&](char32_t phoneme) {
      auto symbol = config_->symbols.find(phoneme);
      if (symbol == config_->symbols.end()) return;
      word.symbols.push_back(symbol->second);
      if (!is_pause(phoneme)) word.said_symbols = word.symbols.size();
    };
    for (char32_t phoneme : spoken.phonemes) append(phoneme);
    bool leads = words.empty() && word.symbols.empty();  // nothing stands before a sentence's first word
    if (spoken.space_after && !leads) append(U' ');
    words.push_back(std::move(word));
  }
  return words;
}

SpeechText::Words SpeechText::take_sentence() {
  phonemizer::Sentence sentence = splitter_.take();
  Words out;
  out.words = words_of(sentence.text, sentence.begin);
  out.text_end = sentence.end;
  out.complete = true;
  // no space stands before the closing pause
  std::int64_t space = config_->symbols.at(U' ');
  for (auto word = out.words.rbegin(); word != out.words.rend(); ++word) {
    while (!word->symbols.empty() && word->symbols.back() == space) word->symbols.pop_back();
    if (!word->symbols.empty()) break;
  }
  if (!out.words.empty()) out.words.back().text_end = sentence.end;
  out.settled = out.words.size();
  return out;
}

std::size_t SpeechText::settled_count(int held) const {
  if (splitter_.has_sentence()) return 0;
  std::size_t words = 0;
  bool inside = false;
  for (char32_t c : splitter_.open().text) {
    bool space = phonemizer_->is_space(c);
    if (inside && space) ++words;
    inside = !space;
  }
  auto needed = static_cast<std::size_t>(held);
  return words > needed ? words - needed : 0;
}

SpeechText::Words SpeechText::open_words(int held) const {
  phonemizer::Sentence sentence = splitter_.open();
  const std::u32string& text = sentence.text;
  std::vector<std::size_t> ends;  // of whole words
  for (std::size_t i = 1; i < text.size(); ++i)
    if (phonemizer_->is_space(text[i]) && !phonemizer_->is_space(text[i - 1])) ends.push_back(i);
  Words out;
  if (ends.empty()) return out;
  std::u32string_view known = std::u32string_view(text).substr(0, ends.back() + 1);
  out.words = words_of(known, sentence.begin);
  out.text_end = sentence.begin + static_cast<std::uint32_t>(ends.back());

  std::size_t settled =
      ends.size() > static_cast<std::size_t>(held) ? ends.size() - static_cast<std::size_t>(held) : 0;
  while (settled > 0 && settled < ends.size() && !phonemizer_->can_cut(known, ends[settled - 1])) --settled;
  if (settled == 0) return out;
  std::uint32_t cut = sentence.begin + static_cast<std::uint32_t>(ends[settled - 1]);
  while (out.settled < out.words.size() && out.words[out.settled].text_end <= cut) ++out.settled;
  return out;
}

std::size_t SpeechText::waiting_signs() const { return splitter_.waiting_signs(); }

}  // namespace parley::voice
