#include "engine/models/step_audio_2/speaker/time_slices.hpp"

#include <mutex>
#include <stdexcept>
#include <vector>

#include "test/support/catch.hpp"

using namespace parley;
using step_audio_2::TimeSlices;

TEST_CASE("slices cover all frames once, whatever the team's size", "[step_audio_2][speaker]") {
  kernels::Team team(3);
  for (kernels::Team* workers : {&team, static_cast<kernels::Team*>(nullptr)})
    for (const std::int64_t frames : {0, 1, 2, 3, 100}) {
      std::mutex mutex;
      std::vector<int> seen(static_cast<std::size_t>(frames), 0);
      TimeSlices(workers).run(frames, [&](std::int64_t begin, std::int64_t end) {
        const std::scoped_lock lock(mutex);
        for (std::int64_t t = begin; t < end; ++t) ++seen[static_cast<std::size_t>(t)];
      });
      CHECK(seen == std::vector<int>(static_cast<std::size_t>(frames), 1));
    }
}

TEST_CASE("what a slice throws arrives at the caller when all slices are done", "[step_audio_2][speaker]") {
  kernels::Team team(2);
  const TimeSlices slices(&team);
  CHECK_THROWS_WITH(slices.run(10, [](std::int64_t, std::int64_t) { throw std::runtime_error("no memory"); }),
                    "no memory");
  int calls = 0;
  std::mutex mutex;
  slices.run(10, [&](std::int64_t, std::int64_t) {
    const std::scoped_lock lock(mutex);
    ++calls;
  });
  CHECK(calls == 2);
}
