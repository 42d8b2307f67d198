#include "engine/models/step_audio_2/text/recipe.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using step_audio_2::Recipe;

namespace {

Recipe recipe(std::string_view json) {
  const test::TemporaryFolder folder;
  folder.write("recipe.json", json);
  return Recipe::read(folder.path());
}

Recipe shipped(const std::string& name) {
  const test::TemporaryFolder folder;
  std::filesystem::copy_file(std::filesystem::path(PARLEY_SOURCE_DIR) / "config/models" / (name + ".json"),
                             folder.path() / "recipe.json");
  return Recipe::read(folder.path());
}

}  // namespace

TEST_CASE("every recipe that is shipped can be read, and is named after its file", "[step_audio_2][recipe]") {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(PARLEY_SOURCE_DIR) / "config/models")) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    CHECK(shipped(entry.path().stem()).name == entry.path().stem());
  }
  CHECK(count == 6);
}

TEST_CASE("the members of the family differ in frame, end and thinking", "[step_audio_2][recipe]") {
  const Recipe mini = shipped("step-audio-2-mini");
  CHECK(mini.chat);
  CHECK(mini.stop_tokens.front() == "<|EOT|>");
  CHECK_FALSE(mini.thinking);
  CHECK(mini.mode("transcribe").instructions == "请记录下你所听到的语音内容。");
  CHECK(mini.mode("transcribe").sampling.temperature == 0.0F);
  CHECK(mini.mode("chat").speech);
  CHECK(mini.speech.top_p == 0.9F);

  const Recipe base = shipped("step-audio-2-mini-base");
  CHECK_FALSE(base.chat);
  CHECK(base.stop_tokens == std::vector<std::string>{"<|endoftext|>"});

  const Recipe think = shipped("step-audio-2-mini-think");
  REQUIRE(think.thinking);
  CHECK(think.thinking->begin == "\n<think>\n");
  CHECK(think.thinking->then_speech == "\n\n<tts_start>");
}

TEST_CASE("a mode that a recipe lacks is told with those it has", "[step_audio_2][recipe]") {
  CHECK_THROWS_WITH(shipped("mclp-cs").mode("sing"),
                    ContainsSubstring("\"sing\"") && ContainsSubstring("continue"));
}

TEST_CASE("a wrong recipe is told by file, field and value", "[step_audio_2][recipe]") {
  CHECK_THROWS_WITH(recipe(R"({"name": "x"})"),
                    ContainsSubstring("recipe.json") && ContainsSubstring("stop_tokens"));
  CHECK_THROWS_WITH(recipe(R"({"stop_tokens": ["a"], "chat": 1})"), ContainsSubstring("\"chat\""));
  CHECK_THROWS_WITH(recipe(R"({"stop_tokens": ["a"], "chatt": true})"),
                    ContainsSubstring("\"chatt\" is not known"));
  CHECK_THROWS_WITH(recipe(R"({"stop_tokens": ["a"], "sampling": {"text": {"top_p": 0}}})"),
                    ContainsSubstring("\"text\"") && ContainsSubstring("top_p > 0"));
  CHECK_THROWS_WITH(recipe(R"({"stop_tokens": ["a"], "thinking": {"begin": "<think>"}})"),
                    ContainsSubstring("\"end\""));
}
