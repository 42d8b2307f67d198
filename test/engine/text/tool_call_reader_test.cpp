#include "engine/text/tool_call_reader.hpp"

#include "test/support/catch.hpp"

using namespace parley;
using Piece = text::ToolCallReader::Piece;
using text::ToolCallReader;
using text::ToolCallText;

namespace {

void add(Piece& whole, const Piece& piece) {
  whole.text += piece.text;
  whole.calls.insert(whole.calls.end(), piece.calls.begin(), piece.calls.end());
  whole.broken.insert(whole.broken.end(), piece.broken.begin(), piece.broken.end());
}

struct Answer {
  std::string written;
  std::string said;
  std::vector<ToolCallText> calls;
  std::vector<std::string> broken;
};

const std::vector<Answer>& answers() {
  static const std::vector<Answer> all{
      {"", "", {}, {}},
      {"Just words, 5 < 6 and <b>bold</b>.", "Just words, 5 < 6 and <b>bold</b>.", {}, {}},
      {"  leading and trailing \n", "  leading and trailing \n", {}, {}},
      {"Let me look. <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
       "Let me look.",
       {{"weather", R"({"city":"Oslo"})"}},
       {}},
      {"A \n<tool_call>{\"name\": \"f\"}</tool_call>\n <tool_call>{\"name\": \"g\", \"arguments\": null}"
       "</tool_call>\n\n B",
       "AB",
       {{"f", "{}"}, {"g", "{}"}},
       {}},
      // the order of members and the spelling of text stay
      {R"(<tool_call>{"arguments": {"z": 1, "a": [2.5, "Łódź 😀", null]}, "name": "f"}</tool_call>)",
       "",
       {{"f", R"({"z":1,"a":[2.5,"Łódź 😀",null]})"}},
       {}},
      // small models' mistakes: no end, the beginning again, arguments as text, Llama's word for them
      {R"(<tool_call>{"name": "f", "arguments": {}})", "", {{"f", "{}"}}, {}},
      {R"(<tool_call>{"name": "f", "arguments": {}}</tool_ca)", "", {{"f", "{}"}}, {}},
      {R"(<tool_call>{"name": "f"}<tool_call>{"name": "g"}</tool_call>)", "", {{"f", "{}"}, {"g", "{}"}}, {}},
      {R"(<tool_call>{"name": "f", "arguments": "{\"x\": 1}"}</tool_call>)", "", {{"f", R"({"x": 1})"}}, {}},
      {R"(<tool_call>{"name": "f", "arguments": "Oslo"}</tool_call>)", "", {{"f", R"("Oslo")"}}, {}},
      {R"(<tool_call>{"name": "f", "parameters": {"x": 1}}</tool_call>)", "", {{"f", R"({"x":1})"}}, {}},
      {R"(<tool_call>{"name": "f"}</tool_call></tool_call> done)", "done", {{"f", "{}"}}, {}},
      // what is no call
      {"<tool_call>{'name': 'f'}</tool_call>ok", "ok", {}, {"{'name': 'f'}"}},
      {"<tool_call> weather </tool_call>", "", {}, {"weather"}},
      {"<tool_call></tool_call>", "", {}, {""}},
      {"<tool_call>", "", {}, {""}},
      {R"(<tool_call>["f"]</tool_call>)", "", {}, {R"(["f"])"}},
      {R"(<tool_call>{"name": 7}</tool_call>)", "", {}, {R"({"name": 7})"}},
      {R"(<tool_call>{"name": ""}</tool_call>)", "", {}, {R"({"name": ""})"}},
      {"a <tool_call>{\"name\": \"f\", \"arg", "a", {}, {R"({"name": "f", "arg)"}},
      // tags that never became any
      {"a <tool_cal", "a <tool_cal", {}, {}},
      {"a <tool_call", "a <tool_call", {}, {}},
      {"<<tool_call>{\"name\": \"f\"}</tool_call>", "<", {{"f", "{}"}}, {}},
      {"<tool_<tool_call>{\"name\": \"f\"}<</tool_call>", "<tool_", {}, {R"({"name": "f"}<)"}},
      {"< tool_call> </tool call> <TOOL_CALL>", "< tool_call> </tool call> <TOOL_CALL>", {}, {}},
  };
  return all;
}

void check(const Piece& whole, const Answer& answer) {
  CHECK(whole.text == answer.said);
  CHECK(whole.calls == answer.calls);
  CHECK(whole.broken == answer.broken);
}

}  // namespace

TEST_CASE("calls are told from what is said, wherever the answer is cut", "[engine][text]") {
  ToolCallReader reader;  // one for all: finish() starts it anew
  for (const Answer& answer : answers()) {
    CAPTURE(answer.written);
    const std::string_view written = answer.written;
    for (std::size_t first = 0; first <= written.size(); ++first)
      for (std::size_t second = first; second <= written.size(); ++second) {
        Piece whole = reader.push(written.substr(0, first));
        add(whole, reader.push(written.substr(first, second - first)));
        add(whole, reader.push(written.substr(second)));
        add(whole, reader.finish());
        if (whole.text == answer.said && whole.calls == answer.calls && whole.broken == answer.broken)
          continue;
        CAPTURE(first, second);
        check(whole, answer);
      }
    Piece by_bytes;
    for (const char byte : written) add(by_bytes, reader.push({&byte, 1}));
    add(by_bytes, reader.finish());
    check(by_bytes, answer);
  }
}

TEST_CASE("text is said as soon as it can be no part of a tag", "[engine][text]") {
  ToolCallReader reader;
  CHECK(reader.push("Hello").text == "Hello");
  CHECK(reader.push(" 5 <").text == " 5");
  CHECK(reader.push(" 6").text == " < 6");
  CHECK(reader.push(" </tool").text.empty());
  CHECK(reader.push("box>").text == " </toolbox>");
  CHECK(reader.push("\n<tool_call").text.empty());
  CHECK_FALSE(reader.in_call());
  CHECK(reader.push(">{").text.empty());
  CHECK(reader.in_call());
  const Piece ended = reader.push("\"name\": \"f\"}</tool_call>");
  CHECK(ended.calls == std::vector<ToolCallText>{{"f", "{}"}});
  CHECK_FALSE(reader.in_call());
}

TEST_CASE("a call that nests without end is broken, not a crash", "[engine][text]") {
  const std::string deep =
      R"({"name": "f", "arguments": )" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  ToolCallReader reader;
  const Piece piece = reader.push("<tool_call>" + deep + "</tool_call>");
  CHECK(piece.calls.empty());
  CHECK(piece.broken == std::vector{deep});
}
