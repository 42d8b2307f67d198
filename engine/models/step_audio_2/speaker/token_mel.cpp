#include "engine/models/step_audio_2/speaker/token_mel.hpp"

#include <stdexcept>
#include <string>

#include "engine/audio/log_mel.hpp"

namespace parley::step_audio_2 {

std::vector<float> token_mel(std::span<const float> pcm, int mels) {
  constexpr std::size_t mirrored = audio::LogMel::window_samples / 2;
  if (pcm.size() <= mirrored)
    throw std::invalid_argument("a spectrum of " + std::to_string(pcm.size()) +
                                " samples cannot be made; more than " + std::to_string(mirrored) +
                                " are needed");
  audio::LogMel spectrum(mels);
  spectrum.push(pcm);
  std::vector<float> frames = spectrum.spectrum(/*padding=*/0);
  audio::normalize_log_mel(frames);
  return frames;
}

}  // namespace parley::step_audio_2
