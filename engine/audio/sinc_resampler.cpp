#include "engine/audio/sinc_resampler.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <string>

namespace parley::audio {
namespace {

constexpr double zeros_to_a_side = 6.0;
constexpr double kept_band = 0.99;

// The rates reduced to lowest terms. Output q * to + phase lies `phase / to` of a period after input q *
// from.
struct Ratio {
  std::ptrdiff_t from;
  std::ptrdiff_t to;

  double band() const { return kept_band * static_cast<double>(std::min(from, to)); }
};

// The filter of one phase: input q * from + first + i is multiplied by taps[i].
struct Phase {
  std::ptrdiff_t first = 0;
  std::vector<float> taps;
};

// Only the taps under the window: torchaudio multiplies all of a wider kernel, elsewhere by zero.
Phase make_phase(const Ratio& ratio, std::ptrdiff_t phase) {
  const double band = ratio.band();
  const auto reach =
      static_cast<std::ptrdiff_t>(std::ceil(zeros_to_a_side * static_cast<double>(ratio.from) / band));
  // torchaudio has this quotient in single precision; with it the taps are the same numbers.
  const double delay = -static_cast<float>(phase) / static_cast<float>(ratio.to);
  Phase result;
  for (std::ptrdiff_t tap = -reach; tap < reach + ratio.from; ++tap) {
    const double t = (delay + static_cast<double>(tap) / static_cast<double>(ratio.from)) * band;
    if (std::abs(t) >= zeros_to_a_side) continue;
    const double window = std::pow(std::cos(t * std::numbers::pi / zeros_to_a_side / 2), 2);
    const double angle = t * std::numbers::pi;
    const double sinc = angle == 0 ? 1.0 : std::sin(angle) / angle;
    if (result.taps.empty()) result.first = tap;
    result.taps.push_back(static_cast<float>(sinc * window * band / static_cast<double>(ratio.from)));
  }
  return result;
}

float filtered(const Phase& phase, std::span<const float> pcm, std::ptrdiff_t at) {
  const std::ptrdiff_t start = at + phase.first;
  const std::ptrdiff_t begin = std::max<std::ptrdiff_t>(0, -start);
  const std::ptrdiff_t end =
      std::min(std::ssize(phase.taps), static_cast<std::ptrdiff_t>(pcm.size()) - start);
  double sum = 0;
  for (std::ptrdiff_t tap = begin; tap < end; ++tap)
    sum += static_cast<double>(phase.taps[static_cast<std::size_t>(tap)]) *
           static_cast<double>(pcm[static_cast<std::size_t>(start + tap)]);
  return static_cast<float>(sum);
}

}  // namespace

std::vector<float> resample_by_sinc(std::span<const float> pcm, int from_hz, int to_hz) {
  if (from_hz <= 0 || to_hz <= 0)
    throw std::invalid_argument("sample rates must be positive, got " + std::to_string(from_hz) + " and " +
                                std::to_string(to_hz));
  if (from_hz == to_hz || pcm.empty()) return {pcm.begin(), pcm.end()};
  const int divisor = std::gcd(from_hz, to_hz);
  const Ratio ratio{from_hz / divisor, to_hz / divisor};
  const std::ptrdiff_t blocks = static_cast<std::ptrdiff_t>(pcm.size()) / ratio.from + 1;
  // torchaudio rounds the length up in single precision: one sample fewer here and there.
  const double exact =
      static_cast<double>(ratio.to) * static_cast<double>(pcm.size()) / static_cast<double>(ratio.from);
  const std::ptrdiff_t length =
      std::min(blocks * ratio.to, static_cast<std::ptrdiff_t>(std::ceil(static_cast<float>(exact))));
  std::vector<float> result(static_cast<std::size_t>(length));
  for (std::ptrdiff_t number = 0; number < std::min(ratio.to, length); ++number) {
    const Phase phase = make_phase(ratio, number);
    for (std::ptrdiff_t block = 0, out = number; out < length; ++block, out += ratio.to)
      result[static_cast<std::size_t>(out)] = filtered(phase, pcm, block * ratio.from);
  }
  return result;
}

}  // namespace parley::audio
