// What a stream's caches keep of the past.
#pragma once

namespace parley::step_audio_2 {

enum class Trim {
  // Ours: the prompt and the newest frames, in all caches, however long the stream; distances between frames
  // are
  // the true ones.
  bounded,
  // stepaudio2-minicpmo's: the estimator keeps what its newest-first order makes of "first P and last 100";
  // the
  // upper conformer layers keep the prompt and the newest 100 frames, the lower ones stay as they were when
  // the
  // limit was reached; distances are those in the shortened caches.
  reference_py,
  // Step-Audio2's own: the estimator as above; the conformer keeps everything.
  reference_up,
};

// The tokens that stand behind the prompt's while its caches are made, where the encoder looks ahead.
enum class Lookahead {
  silence,  // 4218, as stepaudio2-minicpmo
  prompt,   // the prompt's first ones, as Step-Audio2
};

}  // namespace parley::step_audio_2
