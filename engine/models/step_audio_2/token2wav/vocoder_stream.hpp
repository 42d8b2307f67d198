// Samples of a stream, chunk by chunk.
//
// The vocoder hears the last 8 mel frames of the chunk before once more, and the 160 ms that it makes of them
// are faded over those it made the first time; so each chunk but the last holds back its last 160 ms. The
// excitation of those 160 ms is kept, not made anew, so both say the same.
//
// Under the reference's policies the windows of the fade are the halves of a Hamming window, which add up
// to 1.08. Ours add up to one: what is faded is nearly the same signal twice, of one excitation and the same
// mel frames, and such amplitudes add, where powers would of unrelated signals. And ours goes on with the
// excitation's sine where the reference begins a new one (sine_source.hpp).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "engine/models/step_audio_2/token2wav/hift.hpp"

namespace parley::step_audio_2 {

inline constexpr int held_back_frames = 8;
inline constexpr int held_back_samples = held_back_frames * frame_samples;

struct SourceNoise {
  std::uint64_t seed = 0;
  std::vector<std::vector<float>>
      given;  // of each call [480 * its frames, harmonics], in place of the seed's

  // Of the call of that number; first_frame: of the stream, that it begins with.
  at::Tensor frames(std::size_t call, std::int64_t first_frame, std::int64_t count, int harmonics,
                    const at::TensorOptions& options) const;
};

class VocoderStream {
 public:
  VocoderStream(SourceNoise noise, bool as_reference, const at::Tensor& no_turns);

  // What the vocoder is to be run on for these new frames [frames, bins].
  Hift::Job job(const at::Tensor& mel, int harmonics) const;

  // A chunk that is computed and not yet counted.
  struct Change {
    at::Tensor samples;  // to be heard now
    at::Tensor mel_tail, source_tail, speech_tail, turns;
    std::int64_t frames = 0;
  };
  Change finish(const Hift::Job& done, bool last) const;
  void commit(Change change);

 private:
  SourceNoise noise_;
  bool as_reference_;
  std::size_t calls_ = 0;
  std::int64_t frames_ = 0;        // heard by the vocoder so far
  at::Tensor mel_tail_;            // [8, bins]; undefined before the first chunk, as are the others
  at::Tensor source_tail_;         // [3840]
  at::Tensor speech_tail_;         // [3840], as held back
  at::Tensor turns_;               // of the excitation
  at::Tensor fade_in_, fade_out_;  // [3840] float64
};

}  // namespace parley::step_audio_2
