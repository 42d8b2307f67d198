// Flow matching in fixed buffers: on a GPU the ten steps of a chunk, thousands of kernels that are short
// beside what starting each of them takes, are captured once as a CUDA graph and started with one call. It
// computes what Cfm::solve() computes, for streams that see a voice's prompt and a bounded number of own
// frames; those keep their caches, from which a pass is loaded and into which it is stored.
//
// There is a graph for each
//   number of streams: 1, 2 or 4. A larger batch goes in groups of four, and spare places fill a group up;
//   number of frames: 10, 20 ... 120. A shorter chunk is filled up at its end, where nothing sees it. Chunks
//     of 8, 12 and 25 tokens, which have 16, 24 and 50 frames, take 20, 30 and 50, so the steady one wastes
//     nothing; last chunks, of any length, add 10, 40 and 60 to them. That makes 18 graphs.
// A prompt has as much room as the longest that has come, in steps of 64 frames, so that voices share graphs;
// attention to places that do not count costs little beside the layers, whose weights are read anyway.
//
// A place of a frame takes 0.66 MB of bfloat16, 1.3 MB of float32, at the published sizes (10 steps, 16
// blocks, both rows of the guidance, 8 heads, keys and values 64 wide). One stream with 100 frames of
// history, a prompt of 5 s and chunks of up to 60 frames takes 275 MB (550 MB), four take 1.1 GB (2.2 GB);
// with the longest prompt that is taken, 20 s, and chunk, four take 3.3 GB (6.5 GB). Grown buffers drop their
// graphs, which are captured anew.
//
// One thread at a time. Tested by fixed_solver_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "engine/models/step_audio_2/token2wav/cfm.hpp"
#include "engine/models/step_audio_2/token2wav/dit_buffers.hpp"

namespace parley::cuda {
class Device;
}

namespace parley::step_audio_2 {

class FixedSolver {
 public:
  // gpu: where `cfm` lies; null: nothing is captured, every pass is computed kernel by kernel.
  FixedSolver(const Cfm& cfm, cuda::Device* gpu);
  ~FixedSolver();

  // Whether they are streams' chunks, and neither they nor their prompts longer than there is a place for.
  bool takes(std::span<const Cfm::Job> jobs) const;
  void solve(std::span<Cfm::Job> jobs);

  std::size_t bytes() const;  // of the buffers

 private:
  struct Pass;

  void make_room(std::span<const Cfm::Job> jobs);
  void solve_group(std::span<Cfm::Job* const> jobs);
  void load(Pass& pass, int place, const Cfm::Job& job);
  at::Tensor run(Pass& pass);

  const Cfm& cfm_;
  cuda::Device* gpu_;
  std::optional<DitBuffers> buffers_;
  std::map<std::pair<int, int>, Pass> passes_;  // by streams and frames; after buffers_, which they look into
};

}  // namespace parley::step_audio_2
