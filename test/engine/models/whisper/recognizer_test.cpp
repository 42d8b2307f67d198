// The recognizer on sounds of all kinds.
#include "engine/models/whisper/recognizer.hpp"

#include <cmath>
#include <numbers>
#include <random>

#include "test/support/catch.hpp"
#include "test/support/speech_recognition.hpp"

using namespace parley;
using whisper::Recognition;
using whisper::Recognizer;
using whisper::Utterance;

namespace {

constexpr std::size_t second = 16000;

std::vector<float> noise(std::size_t samples, float level) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.0F, level);
  std::vector<float> pcm(samples);
  for (float& sample : pcm) sample = normal(random);
  return pcm;
}

std::vector<float> chord(std::size_t samples) {
  std::vector<float> pcm(samples);
  for (std::size_t i = 0; i < samples; ++i)
    for (double hz : {220.0, 277.2, 329.6})
      pcm[i] +=
          static_cast<float>(0.1 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / second));
  return pcm;
}

std::vector<float> clicks(std::size_t samples) {
  std::vector<float> pcm(samples);
  for (std::size_t i = 1000; i < samples; i += 5000) pcm[i] = 0.9F;
  return pcm;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("nothing is heard where nothing is said", "[engine][whisper]") {
  Recognizer recognizer = Recognizer::load(test::starter_ear);
  CHECK(test::recognize(recognizer, {}).text().empty());
  CHECK(test::recognize(recognizer, std::vector<float>(1, 0.5F)).text().empty());
  CHECK(test::recognize(recognizer, std::vector<float>(3 * second, 0.0F)).text().empty());
  for (float level : {1e-4F, 1e-3F, 1e-2F, 0.1F}) {
    INFO("noise of " << level);
    CHECK(test::recognize(recognizer, noise(2 * second, level)).text().empty());
  }
  CHECK(test::recognize(recognizer, chord(2 * second)).text().empty());
  CHECK(test::recognize(recognizer, clicks(2 * second)).text().empty());
}

TEST_CASE("recognitions that run together hear what each hears alone", "[engine][whisper]") {
  Recognizer recognizer = Recognizer::load(test::starter_ear);
  std::vector<Recognition> together;
  std::vector<std::vector<int>> alone;
  for (const char* name : {"something.raw", "goforward.raw", "numbers.raw", "cards/005.wav"}) {
    Utterance utterance = recognizer.new_utterance();
    utterance.push(test::recorded_speech(name));
    together.push_back(recognizer.begin(utterance));
    alone.push_back(test::recognize(recognizer, test::recorded_speech(name)).tokens());
  }
  test::finish(recognizer, together);
  for (std::size_t i = 0; i < together.size(); ++i) CHECK(together[i].tokens() == alone[i]);
  CHECK(together[0].text() == "Go somewhere and do something.");
}

TEST_CASE("an utterance goes on after a recognition of its beginning", "[engine][whisper]") {
  Recognizer recognizer = Recognizer::load(test::starter_ear);
  const std::vector<float> pcm = test::recorded_speech("something.raw");
  Utterance utterance = recognizer.new_utterance();
  utterance.push(std::span(pcm).first(second));
  Recognition early = recognizer.begin(utterance);
  utterance.push(std::span(pcm).subspan(second));
  CHECK(utterance.samples() == pcm.size());
  Recognition whole = recognizer.begin(utterance);
  std::vector<Recognition> both;
  both.push_back(std::move(early));
  both.push_back(std::move(whole));
  test::finish(recognizer, both);
  CHECK(both[1].text() == "Go somewhere and do something.");
  CHECK(both[0].text() != both[1].text());
}

TEST_CASE("the language is detected when none is named, and an unknown one is refused", "[engine][whisper]") {
  Recognizer recognizer = Recognizer::load(test::starter_ear);
  const std::vector<float> pcm = test::recorded_speech("something.raw");
  Recognition recognition = test::recognize(recognizer, pcm, {.language = ""});
  CHECK(recognition.language() == "en");
  CHECK(recognition.text() == "Go somewhere and do something.");
  CHECK_THROWS_WITH(recognizer.begin(recognizer.new_utterance(), {.language = "xx"}),
                    Catch::Matchers::ContainsSubstring("\"xx\""));
  CHECK(recognizer.info().multilingual);
  CHECK(recognizer.info().languages.size() == 99);
}

TEST_CASE("a minute of speech is heard window after window, and no word is lost at the cuts",
          "[engine][whisper]") {
  Recognizer recognizer = Recognizer::load(test::starter_ear);
  std::vector<float> pcm;
  for (int round = 0; round < 3; ++round)
    for (const char* number : {"0870", "0880", "0890", "0920"}) {
      const std::vector<float> clip = test::recorded_speech("librivox/sense_and_sensibility_01_austen_64kb-" +
                                                            std::string(number) + ".wav");
      pcm.insert(pcm.end(), clip.begin(), clip.end());
    }
  REQUIRE(pcm.size() > 60 * second);
  const std::string text = test::recognize(recognizer, pcm).text();
  INFO(text);
  for (const char* phrase : {"John Dashwood", "young man", "rather selfish", "more respectable"}) {
    std::size_t times = 0;
    for (std::size_t at = text.find(phrase); at != std::string::npos; at = text.find(phrase, at + 1)) ++times;
    INFO(phrase);
    CHECK(times == 3);
  }
  CHECK(contains(text, "Had he married a more amiable woman"));
}
