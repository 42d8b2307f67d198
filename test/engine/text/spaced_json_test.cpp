#include "engine/text/spaced_json.hpp"

#include "test/support/catch.hpp"

using namespace parley;

TEST_CASE("JSON is spaced as Python writes it, in its own order and spelling", "[engine][text]") {
  const auto [given, expected] = GENERATE(table<std::string, std::string>({
      {"{}", "{}"},
      {" [ ] ", "[]"},
      {"{\"z\":1,\n\t\"a\" : [1.50,2e5,\"é\\u00e9\"]}", "{\"z\": 1, \"a\": [1.50, 2e5, \"é\\u00e9\"]}"},
      {R"({"a,b:c  {":"\"x\\", "d":"e , f"})", R"({"a,b:c  {": "\"x\\", "d": "e , f"})"},
  }));
  CHECK(text::spaced_json(given) == expected);
}

TEST_CASE("what is not JSON is not spaced, however deep it nests", "[engine][text]") {
  const std::string deep(1'000'000, '[');
  for (const std::string& json : {std::string(""), std::string("{'a': 1}"), std::string("{} {}"), deep})
    CHECK_FALSE(text::spaced_json(json));
  CHECK(text::spaced_json(deep + std::string(deep.size(), ']')));
  CHECK(text::nesting(R"({"a": [1, {"b": "[[[["}], "c": []})") == 3);
}
