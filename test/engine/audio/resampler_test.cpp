#include "engine/audio/resampler.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include "test/support/catch.hpp"

using parley::engine::resample;
using parley::engine::Resampler;

namespace {

std::vector<float> sine(double hz, int rate_hz, std::size_t samples) {
  std::vector<float> wave(samples);
  for (std::size_t i = 0; i < samples; ++i)
    wave[i] =
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  return wave;
}

// Largest difference away from the ends, where the filter sees the silence around the signal.
double worst_inside(const std::vector<float>& a, const std::vector<float>& b, std::size_t margin) {
  double worst = 0;
  for (std::size_t i = margin; i + margin < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])));
  return worst;
}

}  // namespace

TEST_CASE("a resampled sine is the same sine, in place and in length", "[engine][audio]") {
  auto [from, to] = GENERATE(std::pair{24000, 16000}, std::pair{48000, 16000}, std::pair{8000, 16000},
                             std::pair{44100, 16000}, std::pair{16000, 24000});
  const auto out = resample(sine(440, from, static_cast<std::size_t>(from)), from, to);
  CHECK(std::abs(static_cast<double>(out.size()) - to) <= 2);
  CHECK(worst_inside(out, sine(440, to, static_cast<std::size_t>(to)), 400) < 2e-3);
}

TEST_CASE("resampling in pieces makes the same sound as at once", "[engine][audio]") {
  const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{480}, std::size_t{4801});
  const auto wave = sine(1000, 24000, 24000);
  Resampler streaming(24000, 16000, 8);
  std::vector<float> out;
  for (std::size_t at = 0; at < wave.size(); at += piece) {
    const auto made = streaming.push(std::span(wave).subspan(at, std::min(piece, wave.size() - at)));
    out.insert(out.end(), made.begin(), made.end());
  }
  const auto tail = streaming.finish();
  out.insert(out.end(), tail.begin(), tail.end());
  const auto whole = resample(wave, 24000, 16000);
  REQUIRE(out.size() == whole.size());
  CHECK(worst_inside(out, whole, 0) < 1e-6);
}

TEST_CASE("what a lower rate cannot carry is removed, not folded back", "[engine][audio]") {
  const auto out = resample(sine(11000, 24000, 24000), 24000, 16000);
  CHECK(worst_inside(out, std::vector<float>(out.size()), 400) < 5e-3);
}

TEST_CASE("equal rates pass through, and 16-bit samples are scaled", "[engine][audio]") {
  Resampler same(16000, 16000);
  const std::vector<std::int16_t> pcm{0, 16384, -32768};
  CHECK(same.push(std::span<const std::int16_t>(pcm)) == std::vector<float>{0.0F, 0.5F, -1.0F});
  CHECK(same.finish().empty());
}

TEST_CASE("a rate of zero is refused with a sentence", "[engine][audio]") {
  CHECK_THROWS_AS(Resampler(0, 16000), std::invalid_argument);
}
