#include "server/conversation/alignment.hpp"

#include "test/support/catch.hpp"

namespace parley::conversation {
namespace {

TEST_CASE("between two marks the spoken text grows by proportion", "[server][alignment]") {
  Alignment alignment;
  alignment.mark(1000, 10);
  alignment.mark(2000, 30);
  CHECK(alignment.cursor_at(0) == 0);
  CHECK(alignment.cursor_at(500) == 5);
  CHECK(alignment.cursor_at(1000) == 10);
  CHECK(alignment.cursor_at(1500) == 20);
  CHECK(alignment.cursor_at(9000) == 30);
}

TEST_CASE("an alignment without marks knows of no spoken text", "[server][alignment]") {
  CHECK(Alignment().cursor_at(100) == 0);
}

TEST_CASE("a cursor that goes back is held where it was", "[server][alignment]") {
  Alignment alignment;
  alignment.mark(100, 10);
  alignment.mark(200, 4);
  CHECK(alignment.cursor_at(200) == 10);
}

TEST_CASE("text is cut by code points, not bytes", "[server][alignment]") {
  CHECK(first_code_points("naïve", 3) == "naï");
  CHECK(first_code_points("你好吗", 2) == "你好");
  CHECK(first_code_points("ab", 5) == "ab");
  CHECK(count_code_points("naïve 你") == 7);
}

TEST_CASE("a word that was cut is not kept", "[server][alignment]") {
  CHECK(spoken_words("Once upon a time", 7) == "Once");
  CHECK(spoken_words("Once upon a time", 9) == "Once upon");
  CHECK(spoken_words("Once upon a time", 10) == "Once upon");
  CHECK(spoken_words("Once upon a time", 16) == "Once upon a time");
  CHECK(spoken_words("Once upon a time", 99) == "Once upon a time");
  CHECK(spoken_words("Once upon a time", 2) == "");
  CHECK(spoken_words("Once", 0) == "");
  CHECK(spoken_words("你好吗", 2) == "你好");
}

TEST_CASE("a sentence ends in its mark, with or without quotes after it", "[server][alignment]") {
  CHECK(ends_sentence("What is the time?"));
  CHECK(ends_sentence("He said \"no.\" "));
  CHECK(ends_sentence("好。"));
  CHECK_FALSE(ends_sentence("I would like,"));
  CHECK_FALSE(ends_sentence("I would like to"));
  CHECK_FALSE(ends_sentence("Well..."));
  CHECK_FALSE(ends_sentence("Well…"));
  CHECK_FALSE(ends_sentence(""));
}

}  // namespace
}  // namespace parley::conversation
