#include "engine/audio/framing.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace parley::audio {

std::vector<float> hann_window(std::size_t size) {
  std::vector<float> window(size);
  for (std::size_t n = 0; n < size; ++n)
    window[n] = static_cast<float>(
        0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(size)));
  return window;
}

std::vector<float> with_mirrored_ends(std::span<const float> sound, std::size_t samples) {
  if (sound.size() <= samples)
    throw std::invalid_argument("a sound of " + std::to_string(sound.size()) +
                                " samples is too short for its spectrum; more than " +
                                std::to_string(samples) + " are needed");
  std::vector<float> result;
  result.reserve(sound.size() + 2 * samples);
  for (std::size_t n = samples; n > 0; --n) result.push_back(sound[n]);
  result.insert(result.end(), sound.begin(), sound.end());
  for (std::size_t n = 0; n < samples; ++n) result.push_back(sound[sound.size() - 2 - n]);
  return result;
}

}  // namespace parley::audio
