#include "engine/kernels/team.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "test/support/catch.hpp"

using parley::kernels::Team;

TEST_CASE("every task of a region is done exactly once before it ends", "[kernels][team]") {
  for (const int threads : {1, 2, 5}) {
    Team team(threads);
    CHECK(team.size() == threads);
    for (int round = 0; round < 300; ++round) {
      const int tasks = round % 40;
      std::vector<int> done(static_cast<std::size_t>(tasks));
      team.run(tasks, [&](int task, int) { ++done[static_cast<std::size_t>(task)]; });
      CHECK(done == std::vector<int>(static_cast<std::size_t>(tasks), 1));
    }
  }
}

TEST_CASE("what one region wrote the next one reads on any thread", "[kernels][team]") {
  Team team(3);
  std::vector<int> values(64, 1);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> next(values.size());
    team.run(64, [&](int task, int) {
      const auto at = static_cast<std::size_t>(task);
      next[at] = (values[at] + values[(at + 17) % 64]) % 1000;
    });
    values = next;
  }
  CHECK(values == std::vector<int>(64, values[0]));
}

TEST_CASE("tasks that run at the same moment have different workers", "[kernels][team]") {
  Team team(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> shared{false};
  for (int round = 0; round < 50; ++round)
    team.run(32, [&](int, int worker) {
      if (inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) shared = true;
      std::this_thread::yield();
      inside[static_cast<std::size_t>(worker)].fetch_sub(1);
    });
  CHECK_FALSE(shared);
}

TEST_CASE("workers that went to sleep wake up for the next region", "[kernels][team]") {
  Team team(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // far longer than they spin
    std::atomic<int> arrived{0};
    // Two tasks that wait for each other: they end only if the worker comes.
    team.run(2, [&](int, int) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    CHECK(arrived == 2);
  }
}
