#include "engine/audio/log_mel.hpp"

#include <cmath>
#include <cstring>

#include "engine/weights/safetensors.hpp"
#include "test/engine/models/step_audio_2/formula_sound.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"

using namespace parley;
using audio::LogMel;

namespace {

// A tensor of a reference: test/parity/whisper/make_reference.py or scripts/parity/ear.py writes them.
std::vector<float> reference(const std::string& name, const std::string& part = "whisper/features") {
  weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/" + part + ".safetensors");
  const weights::TensorView& tensor = file.at(name);
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::vector<float> spectrum_of(std::span<const float> pcm, std::size_t piece, int mels = 80) {
  LogMel stream(mels);
  for (std::size_t at = 0; at < pcm.size(); at += piece)
    stream.push(pcm.subspan(at, std::min(piece, pcm.size() - at)));
  return stream.spectrum();
}

}  // namespace

TEST_CASE("features are those of the reference for 80 and 128 filters", "[engine][audio][log_mel]") {
  const int mels = GENERATE(80, 128);
  constexpr std::size_t frame_step = 5;  // the reference keeps every fifth frame
  const std::vector<float> pcm = test::raw_pcm("something.raw");
  std::vector<float> found = spectrum_of(pcm, pcm.size(), mels);
  audio::normalize_log_mel(found);
  const std::vector<float> expected = reference("mel" + std::to_string(mels));
  const auto width = static_cast<std::size_t>(mels);
  REQUIRE(expected.size() / width == (found.size() / width + frame_step - 1) / frame_step);
  float largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(found[i / width * frame_step * width + i % width] - expected[i]));
  CHECK(largest < 1e-4F);
}

TEST_CASE("features are Step-Audio 2's with its padding, and the speech tokenizer's with none",
          "[engine][audio][log_mel]") {
  struct Case {
    std::size_t padding, samples, frames;
    float tolerance;  // of silence with a little sound at its edge the reference knows less
  };
  for (const auto& [padding, samples, frames, tolerance] :
       {Case{479, 8000, 52, 1e-5F}, Case{0, 8100, 50, 1e-5F}, Case{479, 150, 3, 1e-4F}}) {
    INFO(samples << " samples, padding " << padding);
    LogMel stream(128);
    for (const float sample : step_audio_2::formula_sound(samples, 1)) stream.push({&sample, 1});
    REQUIRE(stream.frames(padding) == frames);
    std::vector<float> found = stream.spectrum(padding);
    audio::normalize_log_mel(found);
    const std::vector<float> expected =
        reference("log_mel." + std::to_string(padding) + "." + std::to_string(samples), "step_audio_2/ear");
    REQUIRE(expected.size() == found.size());
    float largest = 0;  // the reference has the filters first
    for (std::size_t i = 0; i < found.size(); ++i)
      largest = std::max(largest, std::abs(found[i] - expected[i % 128 * frames + i / 128]));
    CHECK(largest < tolerance);
  }
}

TEST_CASE("features are the same in whatever pieces the sound arrives", "[engine][audio][log_mel]") {
  const std::vector<float> pcm = test::raw_pcm("something.raw");
  const std::size_t piece = GENERATE(1, 159, 160, 401, 4096);
  CHECK(spectrum_of(pcm, piece) == spectrum_of(pcm, pcm.size()));
}

TEST_CASE("asking for the spectrum does not disturb the stream", "[engine][audio][log_mel]") {
  const std::vector<float> pcm = test::raw_pcm("something.raw");
  LogMel stream(80);
  for (std::size_t at = 0; at < pcm.size(); at += 1000) {
    stream.push(std::span(pcm).subspan(at, std::min<std::size_t>(1000, pcm.size() - at)));
    CHECK(stream.spectrum().size() == stream.frames() * 80);
  }
  CHECK(stream.spectrum() == spectrum_of(pcm, pcm.size()));
}

TEST_CASE("a sound shorter than a window has frames as well, and none has none", "[engine][audio][log_mel]") {
  const std::vector<float> pcm(300, 0.1F);
  for (std::size_t samples : {0, 1, 160, 200, 201, 300}) {
    const std::vector<float> spectrum = spectrum_of(std::span(pcm).first(samples), 300);
    CHECK(spectrum.size() == (samples + 159) / 160 * 80);
    for (float value : spectrum) CHECK(std::isfinite(value));
  }
}

TEST_CASE("nothing is more than 80 dB below the loudest", "[engine][audio][log_mel]") {
  std::vector<float> spectrum{-10.0F, -6.5F, 1.0F};
  audio::normalize_log_mel(spectrum);
  CHECK(spectrum == std::vector<float>{-0.75F, -0.625F, 1.25F});
}
