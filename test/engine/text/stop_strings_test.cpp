#include "engine/text/stop_strings.hpp"

#include "test/support/catch.hpp"

using parley::text::StopStrings;

namespace {

struct Whole {
  std::string text;
  bool stopped = false;
};

Whole read(const std::vector<std::string>& strings, std::string_view text, std::size_t piece_size) {
  StopStrings stop(strings);
  Whole whole;
  for (std::size_t at = 0; at < text.size(); at += piece_size) {
    const auto piece = stop.push(text.substr(at, piece_size));
    whole.text += piece.text;
    whole.stopped = piece.stopped;
  }
  whole.text += stop.finish();
  return whole;
}

}  // namespace

TEST_CASE("an answer's text ends before the first stop string, however it is cut", "[text][stop_strings]") {
  for (const std::size_t size : {1U, 2U, 3U, 5U, 100U}) {
    CHECK(read({"</think>", "STOP"}, "a < b </thinner STO</think>STOP more", size).text ==
          "a < b </thinner STO");
    CHECK(read({"</think>"}, "never said: </thin", size).text == "never said: </thin");
    CHECK_FALSE(read({"</think>"}, "never said: </thin", size).stopped);
    CHECK(read({"aab"}, "aaab", size).text == "a");
    CHECK(read({}, "as it is", size).text == "as it is");
    CHECK(read({""}, "as it is", size).text == "as it is");
  }
  CHECK(read({"END", "END."}, "so END. more", 100).stopped);
}

TEST_CASE("text is given out as soon as it can be no part of a stop string", "[text][stop_strings]") {
  StopStrings stop({"</think>"});
  CHECK(stop.push("so </t").text == "so ");
  CHECK(stop.push("able>").text == "</table>");
  const auto last = stop.push("x</think>\n\n");
  CHECK(last.text == "x");
  CHECK(last.stopped);
  CHECK(last.after == "\n\n");
  CHECK(stop.push("more").text.empty());
  CHECK(stop.stopped());
}
