// Whisper's text decoder in ATen operations: a transformer over tokens that also attends to the sound.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "engine/models/whisper/config.hpp"
#include "engine/models/whisper/encoder.hpp"
#include "engine/models/whisper/layers.hpp"
#include "engine/models/whisper/network.hpp"

namespace parley::whisper {

struct DecoderLayer {
  DecoderLayer(const Config& config, const weights::Weights& weights, const layers::Placement& placement);

  LayerNorm self_attn_layer_norm;
  Attention self_attn;
  LayerNorm encoder_attn_layer_norm;
  Attention encoder_attn;
  LayerNorm final_layer_norm;
  Linear fc1, fc2;
};

class AtenWindow : public WindowState {
 public:
  AtenWindow(std::vector<KeysValues> sound_keys_values, at::Tensor bias_of_sound)
      : sound(std::move(sound_keys_values)), bias(std::move(bias_of_sound)), text(sound.size()) {}
  int length() const override { return read; }
  void clear() override {
    read = 0;
    text.assign(text.size(), {});
  }

  std::vector<KeysValues> sound;  // of each layer, then those of silence
  at::Tensor bias;                // [1, 1, 1, time] on the scores of attention to them; or undefined
  std::vector<KeysValues> text;   // of each layer, the tokens read
  int read = 0;
};

class Decoder {
 public:
  Decoder(const Config& config, const weights::Weights& weights, at::Device device);

  // Keys and values of the encoder's output [1, positions, width] for every layer.
  std::vector<KeysValues> sound(const at::Tensor& encoded) const;

  void operator()(std::span<const DecoderRow> rows) const;

 private:
  at::Tensor self_attention(std::size_t layer, const at::Tensor& normed,
                            std::span<const DecoderRow> rows) const;
  at::Tensor cross_attention(std::size_t layer, const at::Tensor& normed,
                             std::span<const DecoderRow> rows) const;

  at::Device device_;
  at::Tensor embed_tokens_;     // [vocabulary, width], also the output's matrix
  at::Tensor embed_positions_;  // [tokens, width]
  std::vector<DecoderLayer> layers_;
  LayerNorm layer_norm_;
};

}  // namespace parley::whisper
