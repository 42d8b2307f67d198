// Checkpoints in the layout that OpenAI publishes, tiny and random, through scripts/convert/whisper.py.
#include <cstdlib>

#include "test/support/catch.hpp"
#include "test/support/speech_recognition.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using whisper::Recognition;
using whisper::Recognizer;

namespace {

class TinyEar {
 public:
  explicit TinyEar(const std::string& kind) {
    const std::string source = PARLEY_SOURCE_DIR, python = source + "/.deps/venv/bin/python -B ";
    const std::string official = (folder_.path() / "official").string();
    run(python + source + "/test/engine/models/whisper/make_tiny_checkpoint.py " + official + " " + kind);
    run(python + source + "/scripts/convert/whisper.py " + official + " " + path().string() +
        " 2> /dev/null");
  }
  std::filesystem::path path() const { return folder_.path() / "ear"; }

 private:
  static void run(const std::string& command) {
    INFO(command);
    REQUIRE(std::system((command + " > /dev/null").c_str()) == 0);
  }
  test::TemporaryFolder folder_;
};

std::vector<float> hum(std::size_t samples) {
  std::vector<float> pcm(samples);
  for (std::size_t i = 0; i < samples; ++i) pcm[i] = static_cast<float>((i * 7919) % 211) / 211.0F - 0.5F;
  return pcm;
}

}  // namespace

TEST_CASE("official folders of all kinds are converted and run", "[engine][whisper]") {
  const std::string kind = GENERATE(as<std::string>{}, "multilingual", "english", "large-v3");
  TinyEar ear(kind);
  for (bool exact : {false, true}) {
    INFO(kind << (exact ? ", exact" : ""));
    Recognizer recognizer = Recognizer::load(ear.path(), {.threads = 2, .exact = exact});
    CHECK(recognizer.info().multilingual == (kind != "english"));
    CHECK(recognizer.info().languages.size() == (kind == "english" ? 1 : kind == "large-v3" ? 5 : 4));
    Recognition recognition = test::recognize(recognizer, hum(32000), {.language = ""});
    CHECK(recognition.finished());
    CHECK(std::ranges::find(recognizer.info().languages, recognition.language()) !=
          recognizer.info().languages.end());
  }
}

TEST_CASE("twenty minutes without a pause take a bounded number of passes and tokens", "[engine][whisper]") {
  TinyEar ear("multilingual");
  Recognizer recognizer = Recognizer::load(ear.path(), {.threads = 2});
  whisper::Utterance utterance = recognizer.new_utterance();
  for (int second = 0; second < 20 * 60; ++second) utterance.push(hum(16000));
  Recognition recognition = recognizer.begin(utterance);
  Recognition* one = &recognition;
  int passes = 0, steps = 0;
  while (!recognition.finished()) {
    if (recognizer.shape(recognition) > 0) {
      recognizer.encode({&one, 1});
      ++passes;
    } else {
      recognizer.step({&one, 1});
      ++steps;
    }
    REQUIRE(passes <= 2 * 62);  // windows of 20 s or more, each a second time at the worst
    REQUIRE(steps <= passes * 225);
  }
  CHECK(passes >= 40);
}

TEST_CASE("a folder that is not right is refused with a sentence", "[engine][whisper]") {
  TinyEar ear("multilingual");
  const std::string file =
      GENERATE(as<std::string>{}, "config.json", "generation.json", "tokenizer.json", "model.safetensors");
  SECTION("missing") { std::filesystem::remove(ear.path() / file); }
  SECTION("cut short") { std::filesystem::resize_file(ear.path() / file, 40); }
  CHECK_THROWS_WITH(Recognizer::load(ear.path()), Catch::Matchers::ContainsSubstring(file));
}
