// What the speech tokenizer reads: Whisper's log-mel spectrum of a whole recording.
#pragma once

#include <span>
#include <vector>

namespace parley::step_audio_2 {

// Log-mel of 16 kHz sound, -1..1: [samples / 160, mels], normalised like audio::normalize_log_mel over the
// whole recording. Both ends are mirrored and the incomplete last frame is left out. Throws
// std::invalid_argument when there are no more than 200 samples.
std::vector<float> token_mel(std::span<const float> pcm, int mels);

}  // namespace parley::step_audio_2
