// Tells speech from other sound: Silero VAD's 16 kHz network (https://github.com/snakers4/silero-vad, MIT),
// in plain C++, since a window is less than a million multiplications and runs on the thread that has the
// audio.
//
//   512 samples (32 ms), 64 before them -> spectrum by a fixed convolution (4 frames of 129 magnitudes)
//     -> 4 convolutions over time with ReLU -> LSTM cell, 128 wide -> one output -> sigmoid
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace parley::audio {

// The weights: loaded once, shared by all streams, safe to use from any thread.
class VoiceActivityNet {
 public:
  // The folder holds model.safetensors as scripts/convert/vad.py writes it. Throws std::runtime_error with a
  // sentence when a tensor is missing or has another shape.
  static std::shared_ptr<const VoiceActivityNet> load(const std::filesystem::path& folder);

 private:
  friend class VoiceActivity;

  // Kernel taps first, then inputs, then outputs side by side: the inner loop runs over outputs.
  struct Convolution {
    int inputs = 0, outputs = 0, stride = 1;
    std::vector<float> weight;  // [3, inputs, outputs]
    std::vector<float> bias;    // [outputs]
  };

  std::vector<float> spectrum_;  // [256, 272]: 129 cosines, 129 sines, both windowed, and zeros
  std::array<Convolution, 4> convolutions_;
  std::vector<float> lstm_input_, lstm_hidden_;  // [128, 512]: gates in, forget, cell, out
  std::vector<float> lstm_bias_;                 // [512], both biases added
  std::vector<float> output_;                    // [128]
  float output_bias_ = 0;
};

// One stream's state, about 1.3 KiB. Not thread-safe.
class VoiceActivity {
 public:
  static constexpr std::size_t window_samples = 512;  // 32 ms of 16 kHz mono

  explicit VoiceActivity(std::shared_ptr<const VoiceActivityNet> net) : net_(std::move(net)) {}

  // The probability, 0..1, that the window has speech in it. Windows follow each other without gaps.
  float probability(std::span<const float, window_samples> window);
  void reset();  // the next window has nothing to do with the last

 private:
  static constexpr std::size_t context_samples = 64;
  static constexpr std::size_t width = 128;

  std::shared_ptr<const VoiceActivityNet> net_;
  std::array<float, context_samples> context_{};  // the end of the window before
  std::array<float, width> hidden_{}, cell_{};
};

}  // namespace parley::audio
