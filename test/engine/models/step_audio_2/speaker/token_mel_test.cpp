#include "engine/models/step_audio_2/speaker/token_mel.hpp"

#include "test/engine/audio/speaker_reference.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/recordings.hpp"

using namespace parley;
using step_audio_2::token_mel;

TEST_CASE("the tokenizer's spectra are the reference's", "[step_audio_2][speaker]") {
  const std::vector<float> speech = test::raw_pcm("something.raw");
  CHECK(test::largest_difference(test::kept_frames(token_mel(speech, 128), 128),
                                 test::speaker_reference("token_mel.speech")) < 3e-5F);
  const std::vector<float> noise = step_audio_2::formula_values(9001, 24000, 0.5F);
  CHECK(test::largest_difference(test::kept_frames(token_mel(noise, 128), 128),
                                 test::speaker_reference("token_mel.noise")) < 1e-5F);
}

TEST_CASE("the tokenizer's spectra have whole frames only", "[step_audio_2][speaker]") {
  const std::vector<float> sound = step_audio_2::formula_values(1, 480, 0.5F);
  CHECK(token_mel(std::span(sound).first(479), 128).size() == std::size_t{2 * 128});
  CHECK(token_mel(sound, 80).size() == std::size_t{3 * 80});
  CHECK_THROWS_WITH(token_mel(std::span(sound).first(200), 128),
                    Catch::Matchers::ContainsSubstring("more than 200 are needed"));
}
