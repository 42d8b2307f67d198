#include "engine/models/starter/prompt.hpp"

#include <stdexcept>

#include "test/engine/models/turn_driver.hpp"
#include "test/support/catch.hpp"
#include "test/support/starter_bundle.hpp"

namespace parley {
namespace {

using namespace test;
using Catch::Matchers::ContainsSubstring;
using engine::ToolChoice;
using engine::TurnRequest;
using starter::make_prompt;
using starter::Prompt;
using starter::StarterDialogue;

const causal_lm::LanguageModel& brain() {
  static const auto model = causal_lm::LanguageModel::load(starter_bundle() / "brain", {.threads = 1});
  return model;
}

std::string text_of(const Prompt& prompt) {
  std::string text;
  for (int id : prompt.ids) text += brain().tokenizer().bytes_of(id);
  return text;
}

TurnRequest request(std::vector<engine::ContextItem> context) {
  TurnRequest request;
  request.instructions = "Be brief.";
  request.context = std::move(context);
  return request;
}

// Questions and answers of some 40 tokens each, the last one a question.
std::vector<engine::ContextItem> long_conversation(int rounds) {
  std::string words;
  for (int i = 0; i < 12; ++i) words += " and so on";
  std::vector<engine::ContextItem> context;
  for (int i = 0; i < rounds; ++i) {
    context.push_back(user_says("u" + std::to_string(i), "Question " + std::to_string(i) + words));
    context.push_back(assistant_said("a" + std::to_string(i), "Answer " + std::to_string(i) + words));
  }
  context.push_back(user_says("last", "The last question"));
  return context;
}

const engine::Tool weather{
    "get_weather", "Tells the weather.",
    R"({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})"};

}  // namespace

TEST_CASE("a prompt is the instructions, the items and the opening of an answer", "[starter][prompt]") {
  const Prompt prompt = make_prompt(brain(), {}, request({user_says("u1", "Hello")}), 2048);
  CHECK_THAT(text_of(prompt), ContainsSubstring("Be brief.") && ContainsSubstring("Hello"));
  CHECK(prompt.forced.empty());
  const Prompt other = make_prompt(brain(), {}, request({user_says("u1", "Goodbye, then")}), 2048);
  const auto system = static_cast<std::ptrdiff_t>(prompt.system_length);
  REQUIRE(system > 0);
  CHECK(std::equal(prompt.ids.begin(), prompt.ids.begin() + system, other.ids.begin()));
}

TEST_CASE("where sound held no words, the model is told to ask", "[starter][prompt]") {
  const Prompt prompt = make_prompt(brain(), {}, request({user_speaks("u1")}), 2048);
  CHECK_THAT(text_of(prompt), ContainsSubstring("nothing that could be understood"));
}

TEST_CASE("a conversation that does not fit loses its oldest rounds, and room stays for the next",
          "[starter][prompt]") {
  constexpr int context_tokens = 512;
  const Prompt prompt = make_prompt(brain(), {}, request(long_conversation(20)), context_tokens);
  CHECK(static_cast<int>(prompt.ids.size()) < context_tokens * 0.8);
  const std::string text = text_of(prompt);
  CHECK_THAT(text, ContainsSubstring("Be brief.") && ContainsSubstring("The last question"));
  CHECK_THAT(text, !ContainsSubstring("Question 0"));
  const auto first_question = text.find("Question "), first_answer = text.find("Answer ");
  CHECK(first_question < first_answer);  // no answer without its question
}

TEST_CASE("where nothing may be left out, a conversation that does not fit is an error that says so",
          "[starter][prompt]") {
  TurnRequest asked = request(long_conversation(20));
  asked.retention.reset();
  CHECK_THROWS_WITH(make_prompt(brain(), {}, asked, 512),
                    ContainsSubstring("does not fit") && ContainsSubstring("truncation"));
}

TEST_CASE("a demanded call is begun for the model, up to its first argument's value", "[starter][prompt]") {
  TurnRequest asked = request({user_says("u1", "Weather in Rome?")});
  asked.tools = {weather};
  asked.tool_choice = {ToolChoice::Mode::named, "get_weather"};
  const Prompt prompt = make_prompt(brain(), {}, asked, 2048);
  CHECK_THAT(prompt.forced, ContainsSubstring("\"get_weather\"") && ContainsSubstring("{\"city\": \""));
  CHECK_THAT(text_of(prompt), ContainsSubstring(prompt.forced));

  asked.tool_choice.name = "get_time";
  CHECK_THROWS_WITH(make_prompt(brain(), {}, asked, 2048), ContainsSubstring("get_time"));
}

TEST_CASE("tools that may not be called are not in the prompt", "[starter][prompt]") {
  TurnRequest asked = request({user_says("u1", "Hello")});
  asked.tools = {weather};
  CHECK_THAT(text_of(make_prompt(brain(), {}, asked, 2048)), ContainsSubstring("get_weather"));
  asked.tool_choice.mode = ToolChoice::Mode::none;
  CHECK_THAT(text_of(make_prompt(brain(), {}, asked, 2048)), !ContainsSubstring("get_weather"));
}

}  // namespace parley
