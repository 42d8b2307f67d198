// Conditional flow matching (Lipman et al. 2023) with classifier-free guidance: noise becomes a mel
// spectrogram in ten Euler steps whose times lie on a quarter of a cosine, 1 - cos(pi / 2 * i / 10).
//
//   v = (1 + rate) * v(x, conditions) - rate * v(x, nothing),   rate 0.7
//
// On the CPU each row of the guidance, of each stream, is a task of its own for the crew, so that what a
// stream sounds like does not depend on who is computed with it; on a GPU equally long rows are one batch.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "engine/models/step_audio_2/token2wav/crew.hpp"
#include "engine/models/step_audio_2/token2wav/dit.hpp"

namespace parley::step_audio_2 {

class Cfm {
 public:
  Cfm(const weights::Weights& weights, const DitConfig& config, double guidance_rate,
      const layers::Placement& placement);

  struct Job {
    at::Tensor noise;      // [time, bins]
    at::Tensor mu;         // [time, bins]
    at::Tensor speaker;    // [bins]
    at::Tensor condition;  // [time, bins], or undefined: zeros
    const DitPrompt* prompt = nullptr;
    DitCache* cache = nullptr;  // frames and new_tails are staged
    int history = 0;            // frames at most that the cache keeps from chunk to chunk; 0: any number

    at::Tensor mel;  // the answer: [time, bins]

    int frames() const { return static_cast<int>(mu.size(0)); }
    void make_room() const;  // in the cache, for what is staged
    // All of the estimator's input but x, into zeros: [guidance_rows, time or more, 4 bins].
    void write_conditions(const at::Tensor& input) const;
  };
  void solve(Crew& crew, std::span<Job> jobs) const;

  // The ten steps for streams whose rows have one length, on the calling thread.
  // noise: [streams, time, bins]; input: [streams * guidance_rows, time, 4 bins], with the conditions; x is
  // written there at each step -> mel [streams, time, bins]
  at::Tensor solve(const at::Tensor& noise, const at::Tensor& input, const DitPast& past) const;

  const Dit& estimator() const { return estimator_; }
  int steps() const { return estimator_.steps(); }

 private:
  void solve_by_rows(Crew& crew, std::span<Job> jobs) const;
  void solve_stacked(std::span<Job> jobs) const;
  at::Tensor stepped(const at::Tensor& mel, int step, const at::Tensor& with,
                     const at::Tensor& without) const;

  std::vector<float> steps_;  // how far each step goes
  double guidance_rate_;
  Dit estimator_;
};

}  // namespace parley::step_audio_2
