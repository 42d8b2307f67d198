#include "engine/audio/power_spectrum.hpp"

#include <cmath>
#include <numbers>

#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using audio::PowerSpectrum;

namespace {

double power_by_definition(const std::vector<float>& frame, std::size_t bin) {
  std::complex<double> sum = 0;
  for (std::size_t n = 0; n < frame.size(); ++n)
    sum += static_cast<double>(frame[n]) *
           std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(n * bin % frame.size()) /
                               static_cast<double>(frame.size()));
  return std::norm(sum);
}

}  // namespace

TEST_CASE("a loud tone does not disturb the quiet bins of a spectrum", "[engine][audio][power_spectrum]") {
  const std::size_t size = GENERATE(2, 6, 14, 400, 512, 1920);
  INFO(size);
  std::vector<float> frame = step_audio_2::formula_values(1, size, 1e-5F);
  for (std::size_t n = 0; n < size; ++n) frame[n] += n % 2 == 0 ? 0.7F : -0.7F;  // all in the last bin
  PowerSpectrum spectrum(size);
  std::vector<float> power(spectrum.bins());
  spectrum(frame, power);
  for (std::size_t bin = 0; bin < power.size(); ++bin) {
    INFO("bin " << bin);
    CHECK(power[bin] == Approx(power_by_definition(frame, bin)).epsilon(1e-5));
  }
}

TEST_CASE("a spectrum's frames must be of an even size", "[engine][audio][power_spectrum]") {
  CHECK_THROWS_WITH(PowerSpectrum(401), Catch::Matchers::ContainsSubstring("even size, not 401"));
  CHECK_THROWS_WITH(PowerSpectrum(0), Catch::Matchers::ContainsSubstring("even size, not 0"));
}
