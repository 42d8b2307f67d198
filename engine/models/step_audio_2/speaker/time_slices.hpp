// Frames that do not depend on each other, shared out among a team of threads.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/kernels/team.hpp"

namespace parley::step_audio_2 {

class TimeSlices {
 public:
  using Task = std::function<void(std::int64_t begin, std::int64_t end)>;

  // Without a team the caller does all at once, as a GPU wants it.
  explicit TimeSlices(kernels::Team* team) : team_(team) {}

  // Calls `task` for consecutive slices that make up frames 0 .. frames - 1 and returns when all are done. A
  // task may use ATen, whose own pool has one thread. What one throws is thrown here.
  void run(std::int64_t frames, const Task& task) const;

 private:
  kernels::Team* team_;
};

}  // namespace parley::step_audio_2
