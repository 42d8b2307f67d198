// A small fixed team of threads for the parallel regions of the CPU kernels.
//
//   Team team(2);
//   team.run(tasks, [&](int task, int worker) { ... });   // returns when every task is done
//
// One decode step is some hundred regions of 10 to 100 us each, so entering one must cost about a
// microsecond: workers wait for the next region by spinning. They do so for a bounded time and then sleep,
// and tasks are taken one by one from a shared counter, so when another process takes a core away, whoever
// still runs does the work: a worker that does not come costs nothing, and one that is interrupted holds up
// only the task in its hands.
//
// Nothing here or in the kernels uses OpenMP, whose workers spin at barriers until a whole time slice is
// gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace parley::kernels {

class Team {
 public:
  // `threads` counts the caller's; 0: as many as the process may use cores.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(index, worker) once for every index in 0 .. tasks - 1, in any order and on any thread; worker
  // is in 0 .. size() - 1, and two tasks that run at the same moment see different ones. Tasks must not throw
  // and must not call run. One thread calls run at a time.
  template <typename Task>
  void run(int tasks, const Task& task) {
    run_job({[](const void* context, int index, int worker) {
               (*static_cast<const Task*>(context))(index, worker);
             },
             &task, tasks});
  }

 private:
  struct Job {
    void (*call)(const void* context, int index, int worker) = nullptr;
    const void* context = nullptr;
    int tasks = 0;
  };

  void run_job(const Job& job);
  void work(int worker);    // takes tasks until none is left
  void wait_for_workers();  // until all that entered the region have left it
  void serve(int worker);   // a worker's life
  bool enter();

  // A region's gate: `open` while tasks may be taken, and the number of workers inside. The job is only
  // written while the gate is closed and nobody is inside.
  static constexpr std::uint32_t open = 1U << 31;

  Job job_;
  alignas(64) std::atomic<int> next_task_{0};
  alignas(64) std::atomic<std::uint32_t> gate_{0};
  alignas(64) std::atomic<std::uint32_t> region_{0};  // counts regions; workers wait for it to change
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> workers_;  // last: they use all of the above
};

}  // namespace parley::kernels
