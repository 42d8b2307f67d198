#include "engine/models/step_audio_2/text/tool_calls.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using text::ToolCallText;

namespace {

const engine::Tool search{
    "search", "搜索工具",
    R"({"type":"object","properties":{"query":{"type":"string","description":"搜索关键词"}},"required":["query"],"additionalProperties":false})"};

}  // namespace

TEST_CASE("tools are declared as the model saw them: spaced JSON, its characters unescaped",
          "[step_audio_2][tool_calls]") {
  CHECK(tool_schemas({&search, 1}) ==
        R"([{"type": "function", "function": {"name": "search", "description": "搜索工具", "parameters": )"
        R"({"type": "object", "properties": {"query": {"type": "string", "description": "搜索关键词"}}, )"
        R"("required": ["query"], "additionalProperties": false}}}])");
  CHECK_THROWS_AS(tool_schemas(std::vector<engine::Tool>{{"broken", "", "{"}}), std::invalid_argument);
}

TEST_CASE("a call is its kind, its name and its arguments", "[step_audio_2][tool_calls]") {
  CHECK(read_call("function\nsearch\n{\"query\": \"a\\nb\"}") ==
        ToolCallText{"search", "{\"query\": \"a\\nb\"}"});
  CHECK(read_call("function\nsearch\n{\"query\":\n 1}\n") == ToolCallText{"search", "{\"query\":\n 1}"});
  CHECK(read_call("function\nnow") == ToolCallText{"now", "{}"});
  CHECK(read_call("function\nsearch\nnot json") == ToolCallText{"search", "not json"});
  CHECK_FALSE(read_call("search\n{}"));
  CHECK_FALSE(read_call("function\n\n{}"));
  CHECK_FALSE(read_call(""));
}

TEST_CASE("what is written as a call is read as the same one", "[step_audio_2][tool_calls]") {
  CHECK(read_call(call_body("search", "{\"query\": 1}")) == ToolCallText{"search", "{\"query\": 1}"});
}
