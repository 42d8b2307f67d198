// Step-Audio 2's hearing: sound goes in, and out come the rows that its language model reads in place of
// embeddings, 12.5 a second.
//
//   Ear ear = Ear::load(bundle.part("model"), {.threads = 2});
//   Listening listening = ear.listen();
//   listening.push(pcm);                                     // as it arrives: features are made at once
//   for (int i = 0; i < listening.pieces(); ++i) {           // one for each 25 s begun
//     Encoding encoding = ear.begin(listening, i);           // what was said up to now
//     while (!encoding.finished()) ear.encode({{&encoding}}, layers);    // with others that are as far
//     encoding.rows();                                       // [tokens, hidden]
//   }
//
// Each piece stands between its own <audio_start> and <audio_end>. A tail too short for a token is no piece.
//
// The reference encodes all pieces of a conversation in one batch padded to the longest, by which an earlier
// piece's last row, or for an odd number of frames all its rows, change a little with its company. Here a
// piece is encoded by itself, once and for all; begin_together() does as the reference does.
//
// One thread uses an ear, and what came from it, at a time (the engine's). No ATen here: others compile
// without it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parley::step_audio_2 {

struct EarOptions {
  int threads = 0;             // of the CPU kernels, the caller's included; 0: as many as there are cores
  std::string device = "cpu";  // or "cuda", "cuda:1", which the caller has opened (engine/cuda/device.hpp)
  // "float32", "bfloat16", or empty: as the weights are stored. The CPU kernels always compute in float32,
  // with weights as stored; "bfloat16" on the CPU takes plain ATen operations, as the reference computes.
  std::string dtype = {};
  bool exact = false;  // plain ATen operations on the CPU too: what the kernels are compared with
};

// The sound of one recording as log-mel frames, cut into pieces. It may go on growing after an encoding
// began: only the last piece changes.
class Listening {
 public:
  ~Listening();
  Listening(Listening&&) noexcept;
  Listening& operator=(Listening&&) noexcept;

  void push(std::span<const float> pcm);  // 16 kHz mono, -1..1
  std::size_t samples() const;
  int pieces() const;           // that have at least one token
  int tokens(int piece) const;  // rows that the language model will read of it

 private:
  friend class Ear;
  struct State;
  explicit Listening(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A piece on its way through the encoder, as far as it went when the encoding began; it no longer needs the
// listening then. It must not outlive its ear.
class Encoding {
 public:
  ~Encoding();
  Encoding(Encoding&&) noexcept;
  Encoding& operator=(Encoding&&) noexcept;

  int positions() const;    // of the encoder, 20 ms each: what a pass costs
  int tokens() const;       // rows it will have
  int layers_left() const;  // of the encoder; 0 when finished
  bool finished() const { return layers_left() == 0; }

  // Once finished: [tokens, hidden] float32.
  std::span<const float> rows() const;
  // Once finished: the encoder's output, after pooling and its last norm, [encoded, width].
  std::span<const float> encoder_output() const;
  // The features, [mels, frames], of any time.
  std::vector<float> log_mel() const;
  int frames() const;  // 10 ms each

 private:
  friend class Ear;
  struct State;
  explicit Encoding(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Ear {
 public:
  // The folder holds config.json and model.safetensors or its shards; of these the ear reads `encoder.` and
  // `adapter.`. Throws std::runtime_error with a sentence when something is missing or does not fit together,
  // std::invalid_argument for a dtype it does not know.
  static Ear load(const std::filesystem::path& model_folder, const EarOptions& options = {});
  ~Ear();
  Ear(Ear&&) noexcept;
  Ear& operator=(Ear&&) noexcept;

  int hidden() const;  // width of a row: the language model's
  int width() const;   // of the encoder
  int mels() const;
  int layers() const;
  std::size_t weight_bytes() const;

  Listening listen() const;

  // Cheap: the work is encode(). Throws std::invalid_argument where there is no such piece.
  Encoding begin(const Listening& listening, int piece) const;
  // All pieces of several recordings, in their order, as the reference computes them: with the features of
  // all padded to the longest.
  std::vector<Encoding> begin_together(std::span<const Listening* const> conversation) const;

  // Takes pieces, all of which have equally many layers left and at least one, through at most `layers` of
  // them; with the last one comes the adaptor. Pieces may differ in length: on a GPU each costs as much as
  // the longest. A piece's result is the same in any company and however its way is cut.
  void encode(std::span<Encoding* const> batch, int layers = all_layers);
  static constexpr int all_layers = 1 << 16;

 private:
  class Impl;
  explicit Ear(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::step_audio_2
