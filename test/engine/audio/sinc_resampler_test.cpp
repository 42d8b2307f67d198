#include "engine/audio/sinc_resampler.hpp"

#include "test/engine/audio/speaker_reference.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"

using namespace parley;
using audio::resample_by_sinc;
using test::speaker_reference;

TEST_CASE("a resampled sound is the reference's, sample by sample", "[engine][audio][sinc_resampler]") {
  const std::vector<float> noise = step_audio_2::formula_values(9000, 1501, 0.7F);
  int compared = 0;
  for (const auto& [name, tensor] : speaker_reference().tensors()) {
    int from = 0, to = 0;
    if (std::sscanf(name.c_str(), "resample.%d.%d", &from, &to) != 2) continue;
    INFO(name);
    CHECK(test::largest_difference(resample_by_sinc(noise, from, to), speaker_reference(name)) < 1e-6F);
    ++compared;
  }
  CHECK(compared == 7);
}

TEST_CASE("a resampled sound is as long as the reference's, rounding errors included",
          "[engine][audio][sinc_resampler]") {
  const auto lengths = speaker_reference<int>("resample.lengths");  // rows of from, to, samples, result
  for (std::size_t row = 0; row < lengths.size(); row += 4) {
    const std::vector<float> silence(static_cast<std::size_t>(lengths[row + 2]), 0.0F);
    INFO(lengths[row] << " Hz to " << lengths[row + 1] << " Hz, " << silence.size() << " samples");
    CHECK(resample_by_sinc(silence, lengths[row], lengths[row + 1]).size() ==
          static_cast<std::size_t>(lengths[row + 3]));
  }
}

TEST_CASE("a sound at the wanted rate stays as it is, and none stays none",
          "[engine][audio][sinc_resampler]") {
  const std::vector<float> noise = step_audio_2::formula_values(1, 100, 1.0F);
  CHECK(resample_by_sinc(noise, 16000, 16000) == noise);
  CHECK(resample_by_sinc({}, 44100, 16000).empty());
}

TEST_CASE("a constant stays a constant away from the ends at any ratio", "[engine][audio][sinc_resampler]") {
  const std::vector<float> constant(4000, 0.5F);
  for (const auto& [from, to] : {std::pair{44100, 16000}, {16000, 24000}, {11025, 16000}, {16001, 16000}}) {
    INFO(from << " Hz to " << to << " Hz");
    const std::vector<float> result = resample_by_sinc(constant, from, to);
    for (std::size_t i = 200; i + 200 < result.size(); ++i) REQUIRE(result[i] == Approx(0.5F).margin(2e-3));
  }
}

TEST_CASE("rates that are not positive are refused in a sentence", "[engine][audio][sinc_resampler]") {
  const std::vector<float> sound(10, 0.0F);
  CHECK_THROWS_WITH(resample_by_sinc(sound, 0, 16000),
                    Catch::Matchers::ContainsSubstring("positive, got 0 and 16000"));
}
