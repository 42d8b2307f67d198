// Whose voice speaks: what token2wav is told of a short recording of it.
#pragma once

#include <vector>

namespace parley::step_audio_2 {

// Made by speaker/ from a recording, used by token2wav/. Plain data.
struct SpeakerPrompt {
  std::vector<int> tokens;       // [Tp] speech tokens of the recording, 25 a second, each 0 .. 6560
  std::vector<float> embedding;  // [192], as CAM++ gives it: not normalised
  std::vector<float> mel;        // [2 Tp, 80] log-mel of it at 24 kHz, 50 frames a second
};

}  // namespace parley::step_audio_2
