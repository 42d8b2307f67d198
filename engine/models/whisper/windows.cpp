#include "engine/models/whisper/windows.hpp"

#include <algorithm>
#include <numeric>

namespace parley::whisper {
namespace {

constexpr std::size_t silent_positions = 15;   // 0.3 s
constexpr std::size_t fine_positions = 32;     // 0.64 s
constexpr std::size_t fine_until = 384;        // 7.68 s
constexpr std::size_t coarse_positions = 128;  // 2.56 s
constexpr std::size_t quiet_frames = 20;       // a pause of 0.2 s beats a shorter one
constexpr std::size_t shortest_share = 3;      // a cut window is at least two thirds of the longest,
constexpr std::size_t silent_frames = 100;     // and leaves room for a second of silence

}  // namespace

int rounded_positions(std::size_t frames, int most) {
  std::size_t positions = (frames + frames_per_position - 1) / frames_per_position + silent_positions;
  std::size_t step = positions <= fine_until ? fine_positions : coarse_positions;
  positions = (positions + step - 1) / step * step;
  return static_cast<int>(std::min(positions, static_cast<std::size_t>(most)));
}

std::size_t window_end(std::span<const float> spectrum, std::size_t mels, std::size_t first,
                       std::size_t most) {
  std::size_t frames = spectrum.size() / mels;
  if (frames - first <= most) return frames;
  std::size_t latest = first + most - std::min(silent_frames, most / shortest_share);
  std::size_t earliest = std::min(first + most - most / shortest_share, latest - 1);
  std::vector<float> loudness;  // mean of the filters: the level in log10, which hears hiss as well as hum
  for (std::size_t frame = earliest; frame < latest; ++frame) {
    std::span<const float> row = spectrum.subspan(frame * mels, mels);
    loudness.push_back(std::accumulate(row.begin(), row.end(), 0.0F));
  }
  std::size_t width = std::min(quiet_frames, loudness.size());
  float sum = std::accumulate(loudness.begin(), loudness.begin() + static_cast<std::ptrdiff_t>(width), 0.0F);
  float quietest = sum;
  std::size_t best = 0;
  for (std::size_t start = 1; start + width <= loudness.size(); ++start) {
    sum += loudness[start + width - 1] - loudness[start - 1];
    if (sum <= quietest) {  // the later of equal places: fewer windows
      quietest = sum;
      best = start;
    }
  }
  return earliest + best + width / 2;
}

}  // namespace parley::whisper
