#include "engine/audio/vocoder_mel.hpp"

#include "test/engine/audio/speaker_reference.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/recordings.hpp"

using namespace parley;

TEST_CASE("the vocoder's spectra are the reference's", "[engine][audio][vocoder_mel]") {
  const std::vector<float> speech = test::raw_pcm("something.raw");  // taken for 24 kHz
  CHECK(test::largest_difference(test::kept_frames(audio::vocoder_mel(speech), audio::vocoder_mels),
                                 test::speaker_reference("vocoder_mel.speech")) < 1e-4F);
  const std::vector<float> noise = step_audio_2::formula_values(9001, 24000, 0.5F);
  CHECK(test::largest_difference(test::kept_frames(audio::vocoder_mel(noise), audio::vocoder_mels),
                                 test::speaker_reference("vocoder_mel.noise")) < 1e-4F);
}

TEST_CASE("the vocoder has a frame for each 480 samples", "[engine][audio][vocoder_mel]") {
  const std::vector<float> sound = step_audio_2::formula_values(1, 1440, 0.5F);
  CHECK(audio::vocoder_mel(sound).size() == 3 * audio::vocoder_mels);
  CHECK(audio::vocoder_mel(std::span(sound).first(1439)).size() == 2 * audio::vocoder_mels);
  CHECK(audio::vocoder_mel(std::span(sound).first(721)).size() == audio::vocoder_mels);
  CHECK_THROWS_WITH(audio::vocoder_mel(std::span(sound).first(720)),
                    Catch::Matchers::ContainsSubstring("more than 720 are needed"));
}

TEST_CASE("silence has the vocoder's smallest value everywhere", "[engine][audio][vocoder_mel]") {
  for (float value : audio::vocoder_mel(std::vector<float>(960, 0.0F)))
    CHECK(value == Approx(std::log(1e-5)));
}
