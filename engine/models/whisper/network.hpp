// Whisper's network as the recognizer uses it: windows of features go in, logits of the next token come out.
// Two implementations: plain ATen operations in float32, for GPUs and as the reference (aten_network.hpp),
// and the CPU kernels on 8-bit weights (cpu_network.hpp). No ATen here.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/models/whisper/config.hpp"

namespace parley::whisper {

// The feature of pure silence: log10 of the least power, normalised.
inline constexpr float silent_feature = (-10.0F + 4.0F) / 4.0F;

// A window is encoded as far as its sound goes. In place of the silence that would follow, encoder and
// decoder attend to every silence_step-th position of a window of pure silence, whose keys and values are
// known beforehand; each counts as that many. An encoder that does not see them needs a second of silence
// after the sound, and hears "ill-sposed" for "ill-disposed"; with them 0.3 s will do.
inline constexpr int silence_step = 8;

// What the decoder keeps of one window: keys and values of the sound, and of the tokens read so far.
class WindowState {
 public:
  virtual ~WindowState() = default;
  virtual int length() const = 0;  // tokens read
  virtual void clear() = 0;        // forgets the tokens, not the sound
};

// A window between two layers of the encoder.
class EncoderState {
 public:
  virtual ~EncoderState() = default;
};

// A window and the layers of the encoder that it goes through now.
struct EncoderRow {
  std::span<const float> features;           // [2 positions, mels], normalised; the first layer reads them,
  const EncoderState* state = nullptr;       // the others what the layer before them left
  std::unique_ptr<EncoderState> next = {};   // what these layers leave, or
  std::unique_ptr<WindowState> window = {};  // after the last layer, the window
};

// Tokens that a window reads now, and where the logits of what follows the last of them go.
struct DecoderRow {
  WindowState* window = nullptr;
  std::span<const int> tokens;    // at least one
  std::span<float> logits;        // [vocabulary]
  std::span<float> first_logits;  // [vocabulary], of what follows the first token; or empty
};

class Network {
 public:
  virtual ~Network() = default;

  // Layers `first` to `first + count` for windows of equal length. From `positions` to the end of the model's
  // window there is silence.
  virtual void encode(std::span<EncoderRow> rows, int positions, int first, int count) = 0;

  // Any mix of windows, each of them once. A row's result does not depend on the others.
  virtual void decode(std::span<const DecoderRow> rows) = 0;

  // The encoder's output alone [positions, width], for tests.
  virtual std::vector<float> encoder_output(std::span<const float> features, int positions) = 0;

  virtual std::size_t weight_bytes() const = 0;
};

}  // namespace parley::whisper
