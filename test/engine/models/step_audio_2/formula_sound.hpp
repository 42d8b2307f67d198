// Sound that scripts/parity/ear.py makes as well.
#pragma once

#include <vector>

#include "test/engine/models/step_audio_2/formula_weights.hpp"

namespace parley::step_audio_2 {

// 16 kHz noise, loud and quiet by turns of a quarter of a second.
inline std::vector<float> formula_sound(std::size_t samples, std::uint32_t seed) {
  std::vector<float> pcm = formula_values(seed, samples, 1.0F);
  for (std::size_t i = 0; i < samples; ++i) pcm[i] *= i / 4000 % 2 == 0 ? 0.5F : 0.01F;
  return pcm;
}

}  // namespace parley::step_audio_2
