#include "engine/audio_file/audio_file.hpp"

#include <sndfile.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<float> tone(int rate_hz, double seconds, double hz = 440, float gain = 0.5F) {
  std::vector<float> pcm(static_cast<std::size_t>(rate_hz * seconds));
  for (std::size_t i = 0; i < pcm.size(); ++i)
    pcm[i] =
        gain * static_cast<float>(std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  return pcm;
}

// `interleaved` samples of `channels` channels, in one of libsndfile's formats.
std::filesystem::path write(const std::filesystem::path& file, const std::vector<float>& interleaved,
                            int rate_hz, int channels, int format) {
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = channels;
  info.format = format;
  SNDFILE* out = sf_open(file.c_str(), SFM_WRITE, &info);
  REQUIRE(out != nullptr);
  sf_command(out, SFC_SET_CLIPPING, nullptr, SF_TRUE);
  sf_write_float(out, interleaved.data(), static_cast<sf_count_t>(interleaved.size()));
  sf_close(out);
  return file;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b, std::size_t from,
                          std::size_t to) {
  double largest = 0;
  for (std::size_t i = from; i < to; ++i) largest = std::max(largest, std::abs(double{a.at(i)} - b.at(i)));
  return largest;
}

}  // namespace

TEST_CASE("a file at the wanted rate comes as it is", "[server][audio_file]") {
  const test::TemporaryFolder folder;
  const auto pcm = tone(16000, 0.5);
  const auto file = write(folder.path() / "a.wav", pcm, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  CHECK(audio_file::read(file, 16000) == pcm);
}

TEST_CASE("any rate and format becomes the wanted rate, at the same length and loudness",
          "[server][audio_file]") {
  const test::TemporaryFolder folder;
  const int rate = GENERATE(8000, 11025, 24000, 44100, 48000);
  const int format = GENERATE(SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                              SF_FORMAT_WAV | SF_FORMAT_PCM_24);
  const auto file = write(folder.path() / "a.sound", tone(rate, 0.5), rate, 1, format);
  const auto pcm = audio_file::read(file, 16000);
  CHECK(std::abs(static_cast<int>(pcm.size()) - 8000) <= 2);
  CHECK(largest_difference(pcm, tone(16000, 0.5), 500, 7500) < 0.01);
}

TEST_CASE("channels are averaged", "[server][audio_file]") {
  const test::TemporaryFolder folder;
  std::vector<float> stereo;
  for (const float sample : tone(16000, 2.5)) stereo.insert(stereo.end(), {sample, 0.5F * sample});
  const auto file = write(folder.path() / "a.wav", stereo, 16000, 2, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  const auto pcm = audio_file::read(file, 16000);
  REQUIRE(pcm.size() == 40000);
  CHECK(largest_difference(pcm, tone(16000, 2.5, 440, 0.375F), 0, 40000) < 1e-6);
}

TEST_CASE("what is written reads back", "[server][audio_file]") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "out.wav";
  audio_file::write_wav(file, std::vector<std::int16_t>{0, 16384, -32768, 1}, 24000);
  CHECK(audio_file::read(file, 24000) == std::vector<float>{0, 0.5F, -1, 1.0F / 32768});
}

TEST_CASE("a file that is no sound is refused with a sentence that names it", "[server][audio_file]") {
  const test::TemporaryFolder folder;
  const auto message = [](const std::filesystem::path& file) -> std::string {
    try {
      audio_file::read(file, 16000);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK_THAT(message(folder.path() / "none.wav"), ContainsSubstring("none.wav: there is no such file"));
  CHECK_THAT(message(folder.write("text.wav", "RIFF of another kind")),
             ContainsSubstring("cannot be read as sound"));
  CHECK_THAT(message(write(folder.path() / "empty.wav", {}, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16)),
             ContainsSubstring("holds no sound"));
  const std::vector<float> broken{0, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THAT(message(write(folder.path() / "nan.wav", broken, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_FLOAT)),
             ContainsSubstring("not numbers"));
  CHECK_THROWS_WITH(audio_file::write_wav(folder.path() / "no" / "out.wav", {}, 16000),
                    ContainsSubstring("cannot be written"));
}

TEST_CASE("a recording can be had as it is, its channels apart", "[audio_file]") {
  const test::TemporaryFolder folder;
  const auto file = write(folder.path() / "stereo.wav", {0.25F, -0.5F, 0.75F, -1.0F}, 44100, 2,
                          SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  const audio_file::Sound sound = audio_file::read_sound(file);
  CHECK(sound.rate_hz == 44100);
  CHECK(sound.channels == std::vector<std::vector<float>>{{0.25F, 0.75F}, {-0.5F, -1.0F}});
}

TEST_CASE("float sound is written without rounding or clipping", "[audio_file]") {
  const test::TemporaryFolder folder;
  const std::vector<float> pcm{0.1F, -1.5F, 1e-7F};
  audio_file::write_float_wav(folder.path() / "out.wav", pcm, 24000);
  const audio_file::Sound sound = audio_file::read_sound(folder.path() / "out.wav");
  CHECK(sound.rate_hz == 24000);
  CHECK(sound.channels == std::vector<std::vector<float>>{pcm});
}
