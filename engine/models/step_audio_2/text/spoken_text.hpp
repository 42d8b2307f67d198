// How much of an answer's text has been spoken after so many milliseconds of its sound.
//
// The model writes text and audio tokens side by side and does not say which sound belongs to which word; the
// text runs ahead, since a text token comes with 160 ms of sound and takes about twice that to say. So the
// place is estimated from how long people take to say what is written: 65 ms a letter, 220 ms an ideograph or
// a syllable sign. It never lies beyond the text that came before the sound in question, and at the answer's
// end it is all of the text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace parley::step_audio_2 {

class SpokenText {
 public:
  // The answer's next text, whole code points, which came when `audio_ms` of sound had been decided.
  void write(std::string_view text, double audio_ms);

  // Code points spoken by `audio_ms`, of `rendered_all` of the answer's sound or not. Never less than it said
  // before.
  std::uint32_t cursor(double audio_ms, bool rendered_all);

 private:
  struct Character {
    float said_ms;     // estimated, from the answer's beginning
    float written_ms;  // of sound, when it was written
  };
  std::vector<Character> waiting_;  // not spoken yet
  std::uint32_t spoken_ = 0;
  double said_ms_ = 0;  // when the last character written is said
};

}  // namespace parley::step_audio_2
