// The past of a few streams in buffers of fixed shape, for passes whose work is captured once and replayed:
// what differs from chunk to chunk are the numbers in tensors, never a shape or an address.
//
// The frames of a stream lie in three parts, and a mask tells which of them count:
//
//   | history: its own that are over | prompt: its voice's | chunk: those of the pass |
//
// Each part has room for the longest there is. The estimator knows no order of frames, so gaps between them
// change nothing.
//
// Tested by fixed_solver_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/models/step_audio_2/token2wav/dit.hpp"

namespace parley::step_audio_2 {

class DitBuffers {
 public:
  struct Room {
    int streams = 0;
    int history = 0, prompt = 0, chunk = 0;  // frames of each stream

    int past() const { return history + prompt; }
    bool covers(const Room& other) const;
    Room joined(const Room& other) const;  // the smallest that covers both
  };
  DitBuffers(const Dit& dit, int steps, const Room& room);

  // Copies what a stream sees of the past to place `stream`; the prompt only where another lies there.
  void load(int stream, const DitPrompt& prompt, const DitCache& cache);
  // Stages what a pass has left at place `stream`: keys and values of its first `frames` frames, tails.
  void store(int stream, int frames, DitCache& cache) const;

  const Room& room() const { return room_; }
  const DitCache& all() const { return all_; }  // rows: streams * guidance_rows
  std::size_t bytes() const;

 private:
  // Of a voice's keys. Weak: a voice may go, and another one be where it was.
  using PromptTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  at::Tensor rows_of(const at::Tensor& tensor, int stream) const;

  Room room_;
  DitCache all_;
  std::vector<PromptTensor> resident_;  // of each stream
};

// The first `streams` places of the buffers, in passes of `frames` frames.
class PastInBuffers final : public DitPast {
 public:
  PastInBuffers(const DitBuffers& buffers, int streams, int frames);

  // How many frames of each part count at place `stream` from now on. The chunk's first ones are the stream's
  // own, those behind them fill the pass up.
  void show(int stream, int history, int prompt, int chunk);

  at::Tensor look_back(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, int step,
                       int block) const override;
  void lead_in(const at::Tensor& frames, int which, int step, int block) const override;

 private:
  at::Tensor at(const at::Tensor& tensor, int step, int block) const;

  const DitBuffers& buffers_;
  int rows_, frames_;
  at::Tensor mask_;  // [rows, 1, 1, past + frames]: 0 where a frame counts, minus infinity where not
  at::Tensor ends_;  // [rows, taps - 1]: where each row's tail lies in [rows * (taps - 1 + frames)]
};

}  // namespace parley::step_audio_2
