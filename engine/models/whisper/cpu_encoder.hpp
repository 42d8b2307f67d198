// Whisper's audio encoder on the CPU kernels: matrices in 8-bit groups, attention in float32.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/functions.hpp"
#include "engine/models/whisper/config.hpp"
#include "engine/models/whisper/cpu_layers.hpp"

namespace parley::whisper {

// Rows of activations on their way into a matrix: floats, or rounded to what grouped weights meet.
class Rows {
 public:
  void resize(int rows, int inputs, bool grouped);
  float* row(int index) {
    return &floats_[static_cast<std::size_t>(index) * static_cast<std::size_t>(inputs_)];
  }
  void finish(int index);  // the row's floats are complete
  kernels::Activations from(int first, int count) const;

 private:
  int inputs_ = 0;
  bool grouped_ = false;
  std::vector<float> floats_;
  std::vector<std::int16_t> levels_;
  std::vector<float> scales_, sums_;
};

class CpuEncoder {
 public:
  CpuEncoder(kernels::Team& team, const Config& config, const weights::Weights& weights);

  // Some windows of equal length go through some layers: embed() or resume() each, then run(), then
  // x() of each or, after the last layer, output().
  void begin(int windows, int positions);
  void embed(int window, std::span<const float> features);  // [2 positions, mels]
  void resume(int window, std::span<const float> x);        // [positions, width], from x() of an earlier run
  void run(int first, int count);                           // layers
  std::span<const float> x(int window) const;
  // The encoder's output for all of them, ready to be multiplied: [windows * positions, width]. Valid until
  // begin().
  const Rows& output();
  // A whole window of silence. From then on shorter ones attend to it.
  const Rows& listen_to_silence();
  std::vector<float> output_of(std::span<const float> features, int positions);
  int layers() const { return static_cast<int>(layers_.size()); }

  // y [rows, outputs] = x W^T + bias, or added to y; x: rows first .. first + rows of them
  void multiply(const CpuLinear& linear, const Rows& x, int first, int rows, float* y,
                kernels::Then then) const;

  std::size_t weight_bytes() const;

 private:
  struct Layer {
    CpuLayerNorm self_attn_layer_norm;
    CpuLinear qkv_proj, out_proj;
    CpuLayerNorm final_layer_norm;
    CpuLinear fc1, fc2;
    std::vector<float> silence;  // keys, then values: [every silence_step-th position of the window, 2 width]
  };
  struct Panels {  // keys or values of one head of one window, packed like weights
    std::vector<float> numbers;
  };

  // rows_ becomes, row for row, what `fill(row, floats)` writes.
  template <typename Fill>
  void prepare(int rows, int inputs, const Fill& fill);
  struct Seen {                      // what the queries of a layer attend to, the same number for each window
    int positions = 0;               // of the window itself
    const float* silence = nullptr;  // keys, then values, [silent, 2 width]
    int silent = 0;
    int count() const { return positions + silent; }
  };
  void run(Layer& layer);
  void remember_silence(Layer& layer) const;
  Seen seen(const Layer& layer) const;
  void attend(const Seen& seen);
  void pack_head(int window, int head, const Seen& seen);
  void attend_block(int window, int head, int first, int count, const Seen& seen, int worker);

  kernels::Team& team_;
  Config config_;
  int width_, heads_, head_width_;
  CpuLinear conv1_, conv2_;
  std::vector<float> embed_positions_;
  std::vector<Layer> layers_;
  CpuLayerNorm layer_norm_;
  bool listening_to_silence_ = false;

  int windows_ = 0, positions_ = 0;  // of this pass
  Rows rows_;
  std::vector<float> x_, qkv_, mixed_, inner_;  // [rows, width], [rows, 3 width], [rows, width], [rows, ffn]
  std::vector<Panels> keys_, values_;           // [windows * heads]
  struct Scratch {
    std::vector<float> queries, scores, mixed;
  };
  std::vector<Scratch> scratch_;  // of each worker
};

}  // namespace parley::whisper
