#include "engine/models/step_audio_2/speaker/time_slices.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <exception>
#include <mutex>

namespace parley::step_audio_2 {

void TimeSlices::run(std::int64_t frames, const Task& task) const {
  if (frames <= 0) return;
  if (team_ == nullptr) {
    task(0, frames);
    return;
  }
  const auto slices = static_cast<int>(std::min<std::int64_t>(frames, team_->size()));
  std::mutex mutex;
  std::exception_ptr failure;  // the first; a team's tasks must not throw
  team_->run(slices, [&](int slice, int) {
    try {
      const c10::InferenceMode inference;  // a setting of each thread
      task(frames * slice / slices, frames * (slice + 1) / slices);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace parley::step_audio_2
