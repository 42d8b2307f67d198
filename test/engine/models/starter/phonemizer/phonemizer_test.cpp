// The whole way from text to phonemes, against what the voice's Python package says
// (test/parity/voice/phonemes.txt).
#include "engine/models/starter/phonemizer/phonemizer.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/models/starter/phonemizer/sentence_splitter.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"
#include "test/support/catch.hpp"
#include "test/support/voice_folder.hpp"

using namespace parley::phonemizer;

namespace {

const Phonemizer& phonemizer() {
  static const Phonemizer loaded(parley::test::voice_folder());
  return loaded;
}

std::string read(std::string_view sentence) {
  return encode_utf8(Phonemizer::joined(phonemizer().read(decode_utf8(sentence))));
}

struct Example {
  std::string text;
  std::string phonemes;  // of its sentences, " | " between them
};

std::vector<Example> examples() {
  std::ifstream file(PARLEY_SOURCE_DIR "/test/parity/voice/phonemes.txt");
  std::vector<Example> examples;
  for (std::string line; std::getline(file, line);) {
    std::size_t tab = line.find('\t');
    examples.push_back({line.substr(0, tab), line.substr(tab + 1)});
  }
  return examples;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Words in common, in order.
std::size_t equal_words(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

std::string read_sentences(const std::string& text, std::size_t piece) {
  SentenceSplitter splitter(phonemizer());
  std::u32string all = decode_utf8(text);
  for (std::size_t i = 0; i < all.size(); i += piece)
    splitter.push(std::u32string_view(all).substr(i, piece));
  splitter.finish();
  std::string out;
  while (splitter.has_sentence()) {
    if (!out.empty()) out += " | ";
    out += encode_utf8(Phonemizer::joined(phonemizer().read(splitter.take().text)));
  }
  return out;
}

}  // namespace

TEST_CASE("500 varied sentences are read as the voice's Python package reads them", "[phonemizer][parity]") {
  auto all = examples();
  REQUIRE(all.size() == 500);
  std::size_t words = 0;
  std::size_t same = 0;
  for (const Example& example : all) {
    std::string ours = read_sentences(example.text, 1000);
    auto expected = words_of(example.phonemes);
    std::size_t equal = equal_words(words_of(ours), expected);
    words += expected.size();
    same += equal;
    if (equal != expected.size() || ours != example.phonemes)
      UNSCOPED_INFO(example.text << "\n  theirs " << example.phonemes << "\n  ours   " << ours);
  }
  double share = static_cast<double>(same) / static_cast<double>(words);
  CAPTURE(words, same);
  CHECK(share >= 0.98);
  CHECK(share >= 0.998);  // what it was when written
}

TEST_CASE("sentences end in the same places however the text is cut when it arrives", "[phonemizer]") {
  for (const Example& example : examples()) {
    CAPTURE(example.text);
    CHECK(read_sentences(example.text, 1) == read_sentences(example.text, 1000));
  }
}

TEST_CASE("a reading depends on what the word is and what follows it", "[phonemizer]") {
  CHECK(read("the apple and the pear") == "ði ˈæpᵊl ænd ðə pˈɛɹ");
  CHECK(read("I read it, she will read it.") != read("I will read it, she read it."));
}

TEST_CASE("each word says how much of the text is spoken at its end", "[phonemizer]") {
  std::u32string text = U"It is 5 km to Dr. Ode's, OK?";
  auto words = phonemizer().read(text);
  REQUIRE(!words.empty());
  std::uint32_t before = 0;
  for (const SpokenWord& word : words) {
    CHECK(word.text_end >= before);
    before = word.text_end;
  }
  CHECK(words[0].text_end == 2);   // It
  CHECK(words[1].text_end == 5);   // is
  CHECK(words[3].text_end == 10);  // five kilometers
  CHECK(words.back().text_end == text.size());
}

TEST_CASE("text is cut only where both parts are read as they are together", "[phonemizer]") {
  CHECK(phonemizer().can_cut(U"it was in march of 2024", 9));
  CHECK_FALSE(phonemizer().can_cut(U"it was on March 3 and", 15));
  CHECK_FALSE(phonemizer().can_cut(U"it is 5 km from", 7));
}

TEST_CASE("text that nobody can read is silent, not an error", "[phonemizer]") {
  for (const char* text :
       {"", " ", "\xff\xfe", "日本語", "😀😀", "²³", "......", "-", "--- *** ___", "\x01\x02"}) {
    CAPTURE(text);
    CHECK_NOTHROW(read(text));
  }
  CHECK_NOTHROW(read(std::string(5000, 'x')));
  CHECK_NOTHROW(read(std::string(500, '1')));
  CHECK_NOTHROW(read("1.2.3.4,5,,6.. -.5 $.50 $1.2.3 1st 0th -12th 12,34s 5'd"));
}

TEST_CASE("a folder without its files is refused with a sentence", "[phonemizer]") {
  CHECK_THROWS_AS(Phonemizer("/nonexistent"), std::runtime_error);
}
