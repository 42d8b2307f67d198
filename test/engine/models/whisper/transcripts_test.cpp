// What is heard in recorded speech, against faster-whisper on the same weights (test/parity/whisper) and
// against the transcripts that came with the recordings.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "test/support/catch.hpp"
#include "test/support/speech_recognition.hpp"

using namespace parley;

namespace {

std::map<std::string, std::string> faster_whisper_transcripts() {
  std::ifstream file(PARLEY_SOURCE_DIR "/test/parity/whisper/transcripts.json");
  return nlohmann::json::parse(file);
}

std::map<std::string, std::string> librivox_transcripts() {
  std::map<std::string, std::string> transcripts;
  std::ifstream file(test::recording("librivox/transcription"));
  const std::regex form(R"(<s> (.*) </s> \((.*)\))");
  for (std::string line; std::getline(file, line);)
    if (std::smatch match; std::regex_match(line, match, form))
      transcripts["librivox/" + match.str(2) + ".wav"] = match.str(1);
  return transcripts;
}

// Lower case, nothing but letters and digits, "mr" written out.
std::vector<std::string> words(const std::string& text) {
  std::string plain;
  for (unsigned char c : text)
    plain += std::isalnum(c) || c == '\'' ? static_cast<char>(std::tolower(c)) : ' ';
  std::istringstream stream(plain);
  std::vector<std::string> all;
  for (std::string word; stream >> word;) all.push_back(word == "mr" ? "mister" : word);
  return all;
}

// Words to change, add or remove: Levenshtein's distance.
std::size_t word_errors(const std::string& expected_text, const std::string& found_text) {
  const std::vector<std::string> expected = words(expected_text), found = words(found_text);
  std::vector<std::size_t> row(found.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= expected.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j < row.size(); ++j) {
      const std::size_t changed = diagonal + (expected[i - 1] == found[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

void check_full_windows(bool of_books, std::size_t clips) {
  at::set_num_threads(1);
  whisper::Recognizer recognizer = whisper::Recognizer::load(test::starter_ear, {.exact = true});
  const std::map<std::string, std::string> expected = faster_whisper_transcripts();
  std::size_t heard = 0;
  for (const auto& [name, text] : expected) {
    if (name.starts_with("librivox") != of_books) continue;
    INFO(name);
    CHECK(test::recognize(recognizer, test::recorded_speech(name), {.full_window = true}).text() == text);
    ++heard;
  }
  CHECK(heard == clips);
}

}  // namespace

TEST_CASE("the full window at float32 is heard as by faster-whisper: read books",
          "[engine][whisper][parity]") {
  check_full_windows(/*of_books=*/true, 5);
}

TEST_CASE("the full window at float32 is heard as by faster-whisper: cards, commands and digits",
          "[engine][whisper][parity]") {
  check_full_windows(/*of_books=*/false, 9);
}

TEST_CASE("read books are heard with no more word errors than by faster-whisper",
          "[engine][whisper][parity]") {
  whisper::Recognizer recognizer = whisper::Recognizer::load(test::starter_ear);
  const std::map<std::string, std::string> peer = faster_whisper_transcripts();
  std::size_t total = 0, errors = 0, peer_errors = 0;
  for (const auto& [name, text] : librivox_transcripts()) {
    const std::string found = test::recognize(recognizer, test::recorded_speech(name)).text();
    UNSCOPED_INFO(name << ": " << found);
    total += words(text).size();
    errors += word_errors(text, found);
    peer_errors += word_errors(text, peer.at(name));
  }
  REQUIRE(total > 60);
  WARN("word error rate " << static_cast<double>(errors) / static_cast<double>(total) << ", faster-whisper's "
                          << static_cast<double>(peer_errors) / static_cast<double>(total) << ", of " << total
                          << " words");
  CHECK(errors <= peer_errors);
}
