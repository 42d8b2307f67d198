#include "engine/models/step_audio_2/turn_prompt.hpp"

#include <stdexcept>

#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/engine/models/turn_driver.hpp"
#include "test/support/catch.hpp"

namespace parley {
namespace {

using namespace step_audio_2;
using namespace test;
using engine::ContextItem;
using engine::ItemKind;
using engine::Output;

const Core& core() {
  static const auto loaded = Core::load(weights::Bundle::open(tiny_step_audio_2()), {.threads = 2});
  return *loaded;
}

engine::TurnRequest request(std::vector<ContextItem> context) {
  engine::TurnRequest request = asks(1, std::move(context));
  request.instructions = "Be brief.";
  request.output = Output::text;
  return request;
}

std::string shown(const StepAudio2Dialogue& dialogue, const engine::TurnRequest& asked) {
  return core().tokenizer.decode(make_turn_prompt(core(), dialogue, asked, 4096).ids, /*show_special=*/true);
}

ContextItem call(const std::string& arguments) {
  ContextItem item;
  item.kind = ItemKind::function_call;
  item.role = engine::Role::assistant;
  item.name = "search";
  item.text = arguments;
  return item;
}

}  // namespace

TEST_CASE("instructions, questions and answers are messages, and the answer is opened",
          "[step_audio_2][turn_prompt]") {
  auto asked =
      request({user_says("u1", "Hi"), assistant_said("a1", "Hello."), user_says("u2", "Again<|EOT|>")});
  const std::string before =
      "<|BOT|>system\nBe brief.<|EOT|><|BOT|>human\nHi<|EOT|><|BOT|>assistant\nHello.<|EOT|>"
      "<|BOT|>human\nAgain<|EOT|><|EOT|><|BOT|>assistant\n";
  CHECK(shown({}, asked) == before);
  asked.output = Output::speech;
  CHECK(shown({}, asked) == before + "<tts_start>");
}

TEST_CASE("tools are declared, and a call and what it returned are in the history",
          "[step_audio_2][turn_prompt]") {
  ContextItem returned;
  returned.kind = ItemKind::function_call_output;
  returned.text = "Sunny";
  auto asked = request({user_says("u1", "Weather?"), call("{\"query\": 1}"), returned});
  asked.tools = {{"search", "", "{}"}};
  const std::string prompt = shown({}, asked);
  CHECK(prompt.find("<|BOT|>tool_json_schemas\n[{\"type\": \"function\"") != std::string::npos);
  CHECK(prompt.find("<|BOT|>assistant\n<tool_call>function\nsearch\n{\"query\": 1}</tool_call><|EOT|>"
                    "<|BOT|>input\nSunny" +
                    core().recipe.tool_result_suffix + "<|EOT|>") != std::string::npos);
  asked.tool_choice.mode = engine::ToolChoice::Mode::none;
  CHECK(shown({}, asked).find("tool_json_schemas") == std::string::npos);
}

TEST_CASE("an answer of the past is its own tokens, as far as it was heard", "[step_audio_2][turn_prompt]") {
  const int a = core().vocabulary.audio_0;
  StepAudio2Dialogue dialogue;
  dialogue.answers.remember({"Hi", {40, a, a + 1, a + 2, a + 3, core().vocabulary.tts_end}, true, 0, 40});
  auto answer = assistant_said("a1", "Hi");
  const auto audio_of = [&] {
    const auto prompt = make_turn_prompt(core(), dialogue,
                                         request({user_says("u1", "Q"), answer, user_says("u2", "R")}), 4096);
    return std::ranges::count_if(prompt.ids, [](int id) { return core().vocabulary.is_speech_code(id); });
  };
  CHECK(audio_of() == 4);
  answer.heard_ms = 90;
  CHECK(audio_of() == 2);
}

}  // namespace parley
