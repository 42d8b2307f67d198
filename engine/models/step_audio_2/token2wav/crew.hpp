// Who computes the independent parts of a pass: on the CPU a team of threads, each running single-threaded
// tensor operations; on a GPU, which has its own ways to be busy, the calling thread, one part after the
// other.
#pragma once

#include <ATen/ATen.h>

#include <exception>
#include <memory>
#include <mutex>

#include "engine/kernels/team.hpp"

namespace parley::step_audio_2 {

class Crew {
 public:
  // threads: of the CPU's team, the caller counted; 0: as many as there are cores. Not used on a GPU.
  Crew(at::Device device, int threads);

  bool is_team() const { return team_ != nullptr; }
  int size() const { return team_ ? team_->size() : 1; }

  // Calls task(index) once for each of 0 .. tasks - 1, in any order, in inference mode; returns when all are
  // done, and throws what one of them threw, though the others have run. One thread at a time.
  template <typename Task>
  void run(int tasks, const Task& task) {
    if (!team_ || tasks == 1) {
      const c10::InferenceMode inference;
      for (int i = 0; i < tasks; ++i) task(i);
      return;
    }
    std::exception_ptr thrown;
    std::mutex guard;
    team_->run(tasks, [&](int index, int) {
      try {
        const c10::InferenceMode inference;
        use_one_thread();
        task(index);
      } catch (...) {
        const std::lock_guard lock(guard);
        thrown = std::current_exception();
      }
    });
    if (thrown) std::rethrow_exception(thrown);
  }

 private:
  static void use_one_thread();  // LibTorch's own pool, in the calling thread

  std::unique_ptr<kernels::Team> team_;
};

}  // namespace parley::step_audio_2
