// Encoder and adaptor as the facade uses them: features of pieces go in, rows for the language model come
// out. Two implementations: plain ATen operations on any device and in any type (aten_network.hpp), and the
// CPU kernels in float32 (cpu_network.hpp). No ATen here.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/models/step_audio_2/ear/config.hpp"
#include "engine/weights/weights.hpp"

namespace parley::step_audio_2 {

// A piece between two layers of the encoder.
class PieceState {
 public:
  virtual ~PieceState() = default;
};

// A piece, and what it takes along through the layers.
struct PieceRow {
  std::span<const float> features;  // [frames, mels], normalised; the first layer reads them
  int frames = 0;
  int keys = 0;                            // so many of its positions are attended to
  std::unique_ptr<PieceState> state = {};  // what the layer before left; the last layer run leaves its own
};

// What the language model reads of a piece.
struct HeardPiece {
  std::vector<float> rows;     // [tokens, llm_dim]
  std::vector<float> encoded;  // [encoded, n_audio_state], where it was asked for
};

class EarNetwork {
 public:
  virtual ~EarNetwork() = default;

  // Layers `first` to `first + count`; all pieces come from the same layer. A piece's result does not depend
  // on the others.
  virtual void encode(std::span<PieceRow> pieces, int first, int count) = 0;

  // After the last layer: pooling, the last norm and the adaptor; the first `tokens` rows, and of the pooled
  // positions the first `encoded`.
  virtual HeardPiece finish(const PieceState& piece, int tokens, int encoded) = 0;
};

}  // namespace parley::step_audio_2
