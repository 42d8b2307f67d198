// Whisper's text decoder on the CPU kernels: matrices in 8-bit groups, keys and values in 16 bits.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/multiply.hpp"
#include "engine/models/whisper/cpu_encoder.hpp"
#include "engine/models/whisper/cpu_layers.hpp"
#include "engine/models/whisper/network.hpp"

namespace parley::whisper {

// Keys and values of some positions, for every layer and head, in pieces of 16 positions
// (kernels/attention.hpp).
class Pieces {
 public:
  Pieces(int layers, int heads, int head_width) : layers_(layers), heads_(heads), head_width_(head_width) {}

  int positions() const { return positions_; }
  int count() const { return (positions_ + kernels::piece_positions - 1) / kernels::piece_positions; }
  void grow(int positions);  // room for so many; the old ones keep their places
  void clear() { positions_ = 0; }
  void append(int layer, int head, int position, const float* key, const float* value);
  // Of one layer and head, into `views`.
  void view(int layer, int head, std::vector<const std::byte*>& views) const;

 private:
  static std::size_t slot(int index) { return static_cast<std::size_t>(index); }
  std::size_t at(int layer, int head) const {
    return static_cast<std::size_t>(layer * heads_ + head) * kernels::piece_bytes(head_width_);
  }

  int layers_, heads_, head_width_;
  int positions_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> memory_;  // of each 16 positions, all layers and heads
};

class CpuWindow : public WindowState {
 public:
  // sound: of `positions`, then of silent ones.
  CpuWindow(Pieces sound_pieces, int positions_of_sound, Pieces text_pieces)
      : sound(std::move(sound_pieces)), positions(positions_of_sound), text(std::move(text_pieces)) {}
  int length() const override { return text.positions(); }
  void clear() override { text.clear(); }

  Pieces sound;
  int positions;
  Pieces text;
};

class CpuDecoder {
 public:
  CpuDecoder(kernels::Team& team, const Config& config, const weights::Weights& weights);

  // Takes the encoder's output for a whole window of silence. From then on windows are followed by silence.
  void listen_to_silence(const CpuEncoder& encoder, const Rows& encoded);

  // For one window of the encoder's output, rows first .. first + positions.
  std::unique_ptr<CpuWindow> window(const CpuEncoder& encoder, const Rows& encoded, int first, int positions);

  void operator()(std::span<const DecoderRow> rows);

  std::size_t weight_bytes() const;

 private:
  struct Layer {
    CpuLayerNorm self_attn_layer_norm;
    CpuLinear self_qkv_proj, self_out_proj;
    CpuLayerNorm encoder_attn_layer_norm;
    CpuLinear encoder_q_proj, encoder_kv_proj, encoder_out_proj;
    CpuLayerNorm final_layer_norm;
    CpuLinear fc1, fc2;
    std::vector<float> silence;  // keys, then values: [every silence_step-th position of the window, 2 width]
  };
  struct Token {  // a row of the activations
    CpuWindow* window;
    int id;
    int position;
  };
  struct Group {  // neighbouring tokens that belong to one window
    CpuWindow* window;
    int first, count;
  };

  // What the layer's attention to the encoder's output reads of it, [positions, 2 width].
  std::vector<float> keys_values(const Layer& layer, const CpuEncoder& encoder, const Rows& encoded,
                                 int first, int positions) const;
  void embed(std::span<const DecoderRow> rows);
  void norm(const CpuLayerNorm& layer_norm, std::size_t rows, const float* x);
  void multiply(const CpuLinear& linear, const float* x, float* y, kernels::Then then, std::size_t rows);
  void self_attention(int layer);
  void cross_attention(int layer);
  void logits(std::span<const DecoderRow> rows);

  kernels::Team& team_;
  Config config_;
  int width_, heads_, head_width_;
  weights::TensorView embed_tokens_;  // mapped: a step reads a few of its rows
  std::vector<float> embed_positions_;
  CpuLinear output_;  // embed_tokens once more, packed
  std::vector<Layer> layers_;
  CpuLayerNorm layer_norm_;

  std::vector<Token> tokens_;
  std::vector<Group> groups_;
  std::vector<float> x_, normed_, qkv_, mixed_, inner_, logits_;
  kernels::Workspace workspace_;
  struct Scratch {
    std::vector<float> scores, queries, mixed;
    std::vector<const std::byte*> pieces;
  };
  std::vector<Scratch> scratch_;  // of each worker
};

}  // namespace parley::whisper
