#include "engine/audio/kaldi_fbank.hpp"

#include "test/engine/audio/speaker_reference.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/recordings.hpp"

using namespace parley;

TEST_CASE("Kaldi's log-mel energies are the reference's", "[engine][audio][kaldi_fbank]") {
  const std::vector<float> speech = test::raw_pcm("something.raw");
  const std::vector<float> noise = step_audio_2::formula_values(9001, 24000, 0.5F);
  for (const auto& [name, pcm] : {std::pair{"fbank.speech", &speech}, {"fbank.noise", &noise}}) {
    INFO(name);
    const std::vector<float> found = test::kept_frames(audio::kaldi_fbank(*pcm), audio::fbank_bins);
    CHECK(test::largest_difference(found, test::speaker_reference(name)) < 2e-4F);
  }
}

TEST_CASE("Kaldi's frames are those that fit into the sound", "[engine][audio][kaldi_fbank]") {
  const std::vector<float> sound = step_audio_2::formula_values(1, 720, 0.5F);
  CHECK(audio::kaldi_fbank(std::span(sound).first(400)).size() == audio::fbank_bins);
  CHECK(audio::kaldi_fbank(std::span(sound).first(559)).size() == audio::fbank_bins);
  CHECK(audio::kaldi_fbank(sound).size() == 3 * audio::fbank_bins);
  CHECK_THROWS_WITH(audio::kaldi_fbank(std::span(sound).first(399)),
                    Catch::Matchers::ContainsSubstring("399 samples is too short"));
}

TEST_CASE("silence has Kaldi's smallest energy everywhere", "[engine][audio][kaldi_fbank]") {
  const std::vector<float> silence(1000, 0.25F);  // a constant: each frame's mean is taken off
  for (float value : audio::kaldi_fbank(silence)) CHECK(value == Approx(std::log(1.1920929e-07)));
}
