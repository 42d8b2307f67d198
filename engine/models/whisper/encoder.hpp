// Whisper's audio encoder: two convolutions, then transformer layers over 20 ms positions.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/models/whisper/config.hpp"
#include "engine/models/whisper/layers.hpp"

namespace parley::whisper {

struct KeysValues {
  at::Tensor keys, values;  // [batch, heads, time, head]
};

// What is added to the scores of attention to so many positions and silent ones after them, [1, 1, 1, all]:
// each silent one counts as silence_step.
at::Tensor bias_for_silence(std::int64_t positions, std::int64_t silent, const at::TensorOptions& options);

struct EncoderLayer {
  EncoderLayer(const Config& config, const weights::Weights& weights, const layers::Placement& placement);
  // x: [batch, positions, width]. `silence`: keys and values of silent positions to attend to as well.
  at::Tensor operator()(at::Tensor x, const KeysValues& silence) const;
  KeysValues keys_values(const at::Tensor& x) const;

  LayerNorm self_attn_layer_norm;
  Attention self_attn;
  LayerNorm final_layer_norm;
  Linear fc1, fc2;
};

class Encoder {
 public:
  Encoder(const Config& config, const weights::Weights& weights, at::Device device);

  // features: [batch, frames, mels] in float32 on any device, an even number of frames, at most the model's
  // window -> [batch, frames / 2, width] on the encoder's device.
  at::Tensor operator()(const at::Tensor& features) const;
  // The same in pieces: what the first layer reads, some layers, and what the last of them made.
  at::Tensor embed(const at::Tensor& features) const;
  at::Tensor run(at::Tensor x, int first, int count) const;
  at::Tensor output(const at::Tensor& x) const { return layer_norm_(x); }
  int layers() const { return static_cast<int>(layers_.size()); }

  // A whole window of silence, [1, positions, width]. From then on shorter ones attend to it.
  at::Tensor listen_to_silence();

 private:
  at::Device device_;
  TimeConv conv1_, conv2_;
  at::Tensor embed_positions_;  // [positions, width]
  std::vector<EncoderLayer> layers_;
  LayerNorm layer_norm_;
  std::vector<KeysValues> silence_;  // of each layer, every silence_step-th position of the whole window
  int mels_;
};

}  // namespace parley::whisper
