// Log-mel spectra of 16 kHz sound as Whisper and its descendants hear it, made as the sound arrives.
//
//   Hann window of 400 samples every 160 -> power spectrum -> mel filters (Slaney's scale, area-normalised,
//   as librosa's default) -> log10, nothing below 1e-10
//
// Frame i is centred on sample 160 i; what lies before the first sample is its mirror image, as in the
// original (torch.stft with center=True). What lies after the last depends on whom the frames are for: first
// so many samples of silence, the padding, then the mirror image of what comes before. A frame counts when it
// and the next one's centre fit: there are (samples + padding) / 160 of them.
//
//   Whisper                   padding 159   every frame whose centre lies in the sound; no mirror is seen
//   Step-Audio 2's encoder    padding 479   up to two more frames, whose mirror shows silence
//   S3 speech tokenizer       padding 0     the end of the sound itself is mirrored
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace parley::audio {

class MelFilterbank;

// One stream of sound. Not thread-safe. Keeps its frames, 100 a second, and less than a frame of sound.
class LogMel {
 public:
  static constexpr int sample_rate_hz = 16000;
  static constexpr std::size_t window_samples = 400;  // 25 ms, and the size of the Fourier transform
  static constexpr std::size_t hop_samples = 160;     // 10 ms

  explicit LogMel(int mels);  // 80 or 128
  // A new stream that shares the tables of `other`; one thread at a time uses streams that share them.
  static LogMel like(const LogMel& other) { return LogMel(other.filterbank_, other.mels_); }

  void push(std::span<const float> pcm);  // -1..1

  int mels() const { return static_cast<int>(mels_); }
  std::size_t samples() const { return samples_; }
  static constexpr std::size_t whisper_padding = hop_samples - 1;
  std::size_t frames(std::size_t padding = whisper_padding) const {
    return (samples_ + padding) / hop_samples;
  }

  // All frames(padding) of them, [frames, mels], log10 of the filters' power. Those that reach beyond the
  // sound are made here; the stream itself goes on as if nobody had asked.
  std::vector<float> spectrum(std::size_t padding = whisper_padding) const;

 private:
  LogMel(std::shared_ptr<MelFilterbank> filterbank, std::size_t mels);

  std::shared_ptr<MelFilterbank> filterbank_;
  std::size_t mels_;
  std::size_t samples_ = 0;
  std::vector<float> recent_;  // from the beginning of the next frame's window on
  std::vector<float> frames_;  // [complete frames, mels]
};

// What the network reads: nothing more than 8 below the loudest value (80 dB), then (x + 4) / 4, in place.
void normalize_log_mel(std::span<float> spectrum);

}  // namespace parley::audio
