#include "engine/models/step_audio_2/text/vocabulary.hpp"

#include "test/engine/models/step_audio_2/text/small_tokenizer.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using step_audio_2::Vocabulary;

TEST_CASE("a tokenizer that lacks tokens of the family is told which, by the file's name",
          "[step_audio_2][vocabulary]") {
  CHECK_THROWS_WITH(Vocabulary::read(test::small_tokenizer(), 100'000, "bundle/model"),
                    ContainsSubstring("bundle/model") && ContainsSubstring("<audio_6561> is missing") &&
                        !ContainsSubstring("<audio_0>"));
}

TEST_CASE("in a vocabulary of the published size the published ids are expected",
          "[step_audio_2][vocabulary]") {
  CHECK_THROWS_WITH(Vocabulary::read(test::small_tokenizer(), 158720, "bundle/model"),
                    ContainsSubstring("<audio_start> has the id") && ContainsSubstring("instead of 151688"));
}

TEST_CASE("ids tell text from speech and speech from its padding", "[step_audio_2][vocabulary]") {
  const Vocabulary vocabulary = test::small_vocabulary();
  CHECK(vocabulary.is_text(0));
  CHECK(vocabulary.is_text(vocabulary.end_of_turn));
  CHECK_FALSE(vocabulary.is_text(vocabulary.audio_start));
  CHECK_FALSE(vocabulary.is_text(-1));
  CHECK_FALSE(vocabulary.is_audio(vocabulary.tts_pad));
  CHECK(vocabulary.is_speech_code(vocabulary.audio_0));
  CHECK(vocabulary.is_speech_code(vocabulary.audio_padding - 1));
  CHECK_FALSE(vocabulary.is_speech_code(vocabulary.audio_padding));
  CHECK(vocabulary.is_audio(vocabulary.audio_padding));
}
