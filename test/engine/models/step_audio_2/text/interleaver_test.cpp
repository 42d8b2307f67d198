#include "engine/models/step_audio_2/text/interleaver.hpp"

#include "test/engine/models/step_audio_2/text/small_tokenizer.hpp"
#include "test/support/catch.hpp"

using namespace parley::step_audio_2;
using Kind = Interleaver::Kind;

namespace {

const Vocabulary& vocabulary() {
  static const Vocabulary read = parley::test::small_vocabulary();
  return read;
}
int audio_id(int code) { return vocabulary().audio_0 + code; }

std::vector<Kind> kinds(bool spoken, const std::vector<int>& ids) {
  Interleaver interleaver(vocabulary(), spoken);
  std::vector<Kind> kinds;
  for (const int id : ids) kinds.push_back(interleaver.read(id));
  return kinds;
}

}  // namespace

TEST_CASE("each token is read by what it is, whatever its place", "[step_audio_2][interleaver]") {
  CHECK(kinds(true, {5, audio_id(0), audio_id(1), audio_id(2), audio_id(3), vocabulary().tts_pad, audio_id(0),
                     vocabulary().audio_padding, 6, 7}) ==
        std::vector<Kind>{Kind::text, Kind::audio, Kind::audio, Kind::audio, Kind::audio, Kind::nothing,
                          Kind::audio, Kind::nothing, Kind::text, Kind::text});
}

TEST_CASE("text after the spoken part is beside it", "[step_audio_2][interleaver]") {
  CHECK(kinds(true, {5, audio_id(0), vocabulary().tts_end, 6}) ==
        std::vector<Kind>{Kind::text, Kind::audio, Kind::nothing, Kind::aside});
}

TEST_CASE("an answer in text is text throughout, unless it begins to speak", "[step_audio_2][interleaver]") {
  CHECK(kinds(false, {5, 6, vocabulary().tts_end, 7}) ==
        std::vector<Kind>{Kind::text, Kind::text, Kind::nothing, Kind::text});
  CHECK(kinds(false, {5, vocabulary().tts_start, 6, audio_id(0), vocabulary().tts_end, 7}) ==
        std::vector<Kind>{Kind::text, Kind::nothing, Kind::text, Kind::audio, Kind::nothing, Kind::aside});
}

TEST_CASE("a history of more sound than text pads the text", "[step_audio_2][interleaver]") {
  const std::vector<int> text{5}, audio{audio_id(0), audio_id(1), audio_id(2), audio_id(3), audio_id(4)};
  const int pad = vocabulary().audio_padding;
  CHECK(interleave(vocabulary(), text, audio) ==
        std::vector<int>{vocabulary().tts_start, 5, audio_id(0), audio_id(1), audio_id(2), audio_id(3),
                         vocabulary().tts_pad, audio_id(4), pad, pad, pad, vocabulary().tts_end});
}

TEST_CASE("a history of more text than sound pads the sound to whole groups", "[step_audio_2][interleaver]") {
  const std::vector<int> text{5, 6}, audio{audio_id(0)};
  const int pad = vocabulary().audio_padding;
  CHECK(interleave(vocabulary(), text, audio) == std::vector<int>{vocabulary().tts_start, 5, audio_id(0), pad,
                                                                  pad, pad, 6, pad, pad, pad, pad,
                                                                  vocabulary().tts_end});
  CHECK(interleave(vocabulary(), {}, {}) == std::vector<int>{vocabulary().tts_start, vocabulary().tts_end});
}
