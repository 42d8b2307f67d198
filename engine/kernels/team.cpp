#include "engine/kernels/team.hpp"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace parley::kernels {
namespace {

// Long enough to bridge what happens between two regions of a step, short against a time slice.
constexpr std::chrono::microseconds spin_time{40};

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

// Spins until `value` differs from `old` or the time is up, then sleeps. Answers a value that differs.
std::uint32_t wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  using Clock = std::chrono::steady_clock;
  constexpr int looks = 32;  // between two looks at the clock
  for (const auto deadline = Clock::now() + spin_time; Clock::now() < deadline;) {
    for (int look = 0; look < looks; ++look) {
      const std::uint32_t now = value.load(std::memory_order_acquire);
      if (now != old) return now;
      relax();
    }
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

Team::Team(int threads) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
}

Team::~Team() {
  stopping_.store(true, std::memory_order_relaxed);
  region_.fetch_add(1, std::memory_order_release);
  region_.notify_all();
}

void Team::run_job(const Job& job) {
  if (workers_.empty() || job.tasks <= 1) {
    for (int index = 0; index < job.tasks; ++index) job.call(job.context, index, 0);
    return;
  }
  job_ = job;
  next_task_.store(0, std::memory_order_relaxed);
  gate_.store(open, std::memory_order_release);
  region_.fetch_add(1, std::memory_order_release);
  region_.notify_all();  // no system call when nobody sleeps
  work(0);
  wait_for_workers();
}

void Team::work(int worker) {
  for (;;) {
    const int index = next_task_.fetch_add(1, std::memory_order_relaxed);
    if (index >= job_.tasks) return;
    job_.call(job_.context, index, worker);
  }
}

void Team::wait_for_workers() {
  std::uint32_t inside = gate_.fetch_and(~open, std::memory_order_acq_rel) & ~open;
  while (inside != 0) inside = wait_for_change(gate_, inside);
}

void Team::serve(int worker) {
  for (std::uint32_t seen = 0;;) {
    seen = wait_for_change(region_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!enter()) continue;  // came too late: the others have done it all
    work(worker);
    gate_.fetch_sub(1, std::memory_order_acq_rel);
    gate_.notify_one();  // only the caller waits for the gate
  }
}

bool Team::enter() {
  std::uint32_t gate = gate_.load(std::memory_order_relaxed);
  while ((gate & open) != 0)
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  return false;
}

}  // namespace parley::kernels
