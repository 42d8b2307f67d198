#include "engine/models/step_audio_2/text/spoken_text.hpp"

#include "test/support/catch.hpp"

using parley::step_audio_2::SpokenText;

TEST_CASE("letters are spoken one after the other at the pace of speech", "[step_audio_2][spoken_text]") {
  SpokenText text;
  text.write("ten letter", 0);
  CHECK(text.cursor(64, false) == 0);
  CHECK(text.cursor(65, false) == 1);
  CHECK(text.cursor(5 * 65, false) == 5);
  CHECK(text.cursor(10'000, false) == 10);
}

TEST_CASE("an ideograph takes as long as a syllable", "[step_audio_2][spoken_text]") {
  SpokenText text;
  text.write("你好", 0);
  CHECK(text.cursor(219, false) == 0);
  CHECK(text.cursor(440, false) == 2);
}

TEST_CASE("text is not spoken before it was written", "[step_audio_2][spoken_text]") {
  SpokenText text;
  text.write("a", 0);
  text.write("b", 640);
  CHECK(text.cursor(600, false) == 1);
  CHECK(text.cursor(640 + 65, false) == 2);
}

TEST_CASE("with the last of the sound all of the text is spoken, and it is never taken back",
          "[step_audio_2][spoken_text]") {
  SpokenText text;
  text.write("a long sentence", 0);
  CHECK(text.cursor(200, false) == 3);
  CHECK(text.cursor(100, false) == 3);
  CHECK(text.cursor(300, true) == 15);
}
