#include "engine/models/starter/voice/speaker.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "engine/models/starter/voice/speech_text.hpp"
#include "engine/models/starter/voice/voice_parts.hpp"
#include "test/support/catch.hpp"
#include "test/support/voice_folder.hpp"

using namespace parley::voice;

namespace {

constexpr const char* story =
    "Sure, I can help you with that if you tell me a little more about the problem. Dr. Smith paid $5 on "
    "March 3rd, and "
    "it weighs 20 kg! Is that all? Yes.";

// Tests run side by side: thread pools that wait for each other on a busy machine take a hundred times as
// long.
[[maybe_unused]] const bool single_thread = [] {
  at::set_num_threads(1);
  return true;
}();

std::shared_ptr<const Voice> voice() {
  static const auto loaded = Voice::load(parley::test::voice_folder(), {});
  return loaded;
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

struct Speech {
  std::vector<std::int16_t> pcm;
  std::vector<std::size_t> joins;  // sample at which each chunk ends
  std::vector<std::uint32_t> cursors;
  int audio_tokens = 0;

  void add(const SpeechChunk& chunk) {
    pcm.insert(pcm.end(), chunk.pcm.begin(), chunk.pcm.end());
    joins.push_back(pcm.size());
    cursors.push_back(chunk.text_cursor);
    audio_tokens += chunk.audio_tokens;
  }
};

// All text is known before the first chunk.
Speech at_once(const std::string& text, const SpeechOptions& options = {}) {
  SpeechStream stream(voice(), options);
  stream.push_text(text);
  stream.finish_text();
  Speech speech;
  while (!stream.finished()) speech.add(stream.render());
  return speech;
}

// A word at a time, speaking whenever a chunk can be made.
Speech word_by_word(const std::string& text) {
  SpeechStream stream(voice(), {});
  Speech speech;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    stream.push_text(word + " ");
    while (stream.chunk_ready()) {
      SpeechChunk chunk = stream.render();
      if (chunk.pcm.empty()) break;
      speech.add(chunk);
    }
  }
  stream.finish_text();
  while (!stream.finished()) speech.add(stream.render());
  return speech;
}

// Largest change of a change, from one sample to the next: a click is far above the rest of the signal.
double sharpest(const std::vector<std::int16_t>& pcm, std::size_t begin, std::size_t end) {
  double sharpest = 0;
  for (std::size_t i = std::max<std::size_t>(begin, 2); i < std::min(end, pcm.size()); ++i)
    sharpest = std::max(sharpest, std::abs(static_cast<double>(pcm[i]) - 2.0 * pcm[i - 1] + pcm[i - 2]));
  return sharpest;
}

}  // namespace

TEST_CASE("a sentence with known durations is the same in chunks as at once", "[voice][utterance]") {
  c10::InferenceMode inference;
  Voice::Parts parts(parley::test::voice_folder(), {});
  SpeechText text(parts.phonemizer, parts.config);
  text.push("The quick brown fox jumps over the lazy dog, and then it sleeps for seven hours under a tree.");
  text.finish();
  SpeechText::Words words = text.take_sentence();
  std::vector<std::int64_t> steps = {10};
  for (const UtteranceWord& word : words.words)
    for (std::size_t i = 0; i < word.symbols.size(); ++i)
      steps.push_back(1 + static_cast<std::int64_t>(i) % 4);
  steps.push_back(15);
  auto rendered = [&](std::int64_t frames) {
    Utterance utterance(parts.network, parts.synthesis, {{}, 1.0F, std::nullopt, 9});
    utterance.plan_with(words.words, steps);
    std::vector<float> samples;
    while (!utterance.done()) {
      at::Tensor window = utterance.window(frames);
      std::vector<float> more = utterance.render(parts.network.decode(window)[0]);
      samples.insert(samples.end(), more.begin(), more.end());
    }
    return samples;
  };
  std::vector<float> whole = rendered(100000);
  for (std::int64_t frames : {13, 40, 133}) {
    std::vector<float> chunks = rendered(frames);
    REQUIRE(chunks.size() == whole.size());
    double difference = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      difference = std::max(difference, std::abs(static_cast<double>(chunks[i]) - whole[i]));
    CAPTURE(frames);
    CHECK(difference < 1e-4);
  }
}

TEST_CASE("speech starts after a few words, long before the sentence ends", "[voice][speaker]") {
  SpeechStream stream(voice(), {});
  int pushed = 0;
  for (const char* word : {"Sure, ", "I ", "can ", "help ", "you ", "with ", "that ", "if "}) {
    stream.push_text(word);
    ++pushed;
    if (stream.chunk_ready()) break;
  }
  CHECK(pushed == 4);  // two to speak, two held
  SpeechChunk chunk = stream.render();
  CHECK(chunk.pcm.size() > 3000);
  CHECK(chunk.text_cursor == code_points("Sure, I"));
  CHECK(stream.rendered_tokens() == chunk.audio_tokens);
}

TEST_CASE("speech is the same however long its chunks have to wait", "[voice][speaker]") {
  const Speech prompt = word_by_word(story);
  for (std::size_t wait : {3, 1000}) {
    SpeechStream stream(voice(), {});
    Speech late;
    std::istringstream words(story);
    std::size_t pushed = 0;
    for (std::string word; words >> word;) {
      stream.push_text(word + " ");
      if (++pushed % wait == 0 && stream.chunk_ready()) late.add(stream.render());
    }
    stream.finish_text();
    while (!stream.finished()) late.add(stream.render());
    CAPTURE(wait);
    CHECK(late.pcm == prompt.pcm);
  }
}

TEST_CASE("nothing clicks where chunks of growing text join", "[voice][speaker]") {
  Speech speech = word_by_word(story);
  REQUIRE(speech.joins.size() > 4);
  double anywhere = sharpest(speech.pcm, 0, speech.pcm.size());
  for (std::size_t join : speech.joins) {
    double around = sharpest(speech.pcm, join < 4000 ? 0 : join - 4000, join + 4000);
    CAPTURE(join, anywhere);
    CHECK(sharpest(speech.pcm, join - 2, join + 3) <= std::max(around, 0.1 * anywhere));
    CHECK(sharpest(speech.pcm, join - 2, join + 3) < 0.7 * anywhere);
  }
}

TEST_CASE("speech of growing text is as long as speech of the whole text", "[voice][speaker]") {
  auto whole = static_cast<double>(at_once(story).pcm.size());
  CHECK(static_cast<double>(word_by_word(story).pcm.size()) == Approx(whole).epsilon(0.06));
}

TEST_CASE("the text cursor rises with the speech and ends at the end of the text", "[voice][speaker]") {
  Speech speech = GENERATE(at_once(story), word_by_word(story));
  std::uint32_t before = 0;
  for (std::uint32_t cursor : speech.cursors) {
    CHECK(cursor >= before);
    before = cursor;
  }
  CHECK(speech.cursors.back() >= code_points(story));
  CHECK(speech.audio_tokens > 100);
}

TEST_CASE("a heard position tells which words were heard", "[voice][speaker]") {
  SpeechStream stream(voice(), {});
  stream.push_text("One two three four five. Six seven eight.");
  stream.finish_text();
  while (!stream.finished()) stream.render();
  CHECK(stream.text_at(0) == 0);
  CHECK(stream.text_at(stream.rendered_ms()) == 41);
  std::uint32_t middle = stream.text_at(900);
  CHECK(middle >= 3);
  CHECK(middle <= 18);
  CHECK(stream.pending_ms() == 0);
}

TEST_CASE("streams rendered together sound as they do alone", "[voice][speaker]") {
  auto speak = [](bool together) {
    std::vector<SpeechStream> streams;
    for (const char* timbre : {"", "river", "wren"}) {
      streams.emplace_back(voice(), SpeechOptions{.timbre = timbre, .seed = 4});
      streams.back().push_text(story);
      streams.back().finish_text();
    }
    std::vector<std::vector<std::int16_t>> speech(streams.size());
    bool going = true;
    while (going) {
      going = false;
      std::vector<SpeechStream*> some;
      std::vector<std::size_t> which;
      for (std::size_t i = 0; i < streams.size(); ++i) {
        if (streams[i].finished()) continue;
        some.push_back(&streams[i]);
        which.push_back(i);
      }
      for (std::size_t i = 0; i < some.size(); i += together ? some.size() : 1) {
        auto chunks = SpeechStream::render(std::span(some).subspan(i, together ? some.size() : 1));
        for (std::size_t k = 0; k < chunks.size(); ++k) {
          auto& out = speech[which[i + k]];
          out.insert(out.end(), chunks[k].pcm.begin(), chunks[k].pcm.end());
        }
        going = true;
      }
    }
    return speech;
  };
  auto alone = speak(false);
  auto together = speak(true);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    REQUIRE(alone[i].size() == together[i].size());
    int difference = 0;
    for (std::size_t k = 0; k < alone[i].size(); ++k)
      difference = std::max(difference, std::abs(alone[i][k] - together[i][k]));
    CHECK(difference <= 3);  // of 32768
  }
}

TEST_CASE("speed changes the length and liveliness does not", "[voice][speaker]") {
  auto normal = static_cast<double>(at_once("I would like some tea, please.").pcm.size());
  CHECK(static_cast<double>(at_once("I would like some tea, please.", {.speed = 0.5F}).pcm.size()) >
        1.7 * normal);
  CHECK(static_cast<double>(at_once("I would like some tea, please.", {.speed = 1.5F}).pcm.size()) <
        0.8 * normal);
  CHECK(static_cast<double>(at_once("I would like some tea, please.", {.liveliness = 0.3F}).pcm.size()) ==
        normal);
}

TEST_CASE("text without anything to say makes no sound and ends", "[voice][speaker]") {
  for (const char* text : {"", " \n \n", "😀", "...", "。", "日本"}) {
    CAPTURE(text);
    SpeechStream stream(voice(), {});
    stream.push_text(text);
    stream.finish_text();
    for (int i = 0; i < 5 && !stream.finished(); ++i) stream.render();
    CHECK(stream.finished());
  }
}

TEST_CASE("a sentence that does not end is spoken all the same", "[voice][speaker]") {
  std::string endless;
  for (int i = 0; i < 150; ++i) endless += "and on ";
  Speech speech = word_by_word(endless);
  CHECK(speech.cursors.back() >= endless.size() - 1);
  CHECK(speech.pcm.size() > 24000 * 30);
}

TEST_CASE("unknown voices and impossible speeds are refused with a sentence", "[voice][speaker]") {
  CHECK_THROWS_AS(SpeechStream(voice(), {.timbre = "nobody"}), std::invalid_argument);
  CHECK_THROWS_AS(SpeechStream(voice(), {.speed = 0}), std::invalid_argument);
  CHECK_THROWS_AS(SpeechStream(voice(), {.speed = NAN}), std::invalid_argument);
  CHECK(voice()->timbres().size() >= 7);
  CHECK(voice()->has_timbre("river"));
}

TEST_CASE("a code point that is cut in two is put together again", "[voice][speaker]") {
  SpeechStream stream(voice(), {});
  stream.push_text("caf\xC3");
  stream.push_text("\xA9 now.");
  stream.finish_text();
  std::uint32_t cursor = 0;
  while (!stream.finished()) cursor = stream.render().text_cursor;
  CHECK(cursor == 9);
}
