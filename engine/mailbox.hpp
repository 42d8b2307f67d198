// How values reach the engine's thread: a bounded queue with many producers and one consumer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "engine/turn.hpp"

namespace parley::engine {

template <typename T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  // Any thread; does not wait. False: full, and the value is dropped.
  bool post(T value) {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() >= capacity_) return false;
      waiting_.push_back(std::move(value));
    }
    arrived_.notify_one();
    return true;
  }

  // For commands that must not be lost (cancel, close). Their number is bounded by what was started before.
  void post_always(T value) {
    {
      std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(value));
    }
    arrived_.notify_one();
  }

  // The consumer: swaps all that waits, oldest first, for the emptied `taken`. The two buffers take turns, so
  // a steady stream allocates nothing.
  void take(std::vector<T>& taken) {
    taken.clear();
    std::lock_guard lock(mutex_);
    waiting_.swap(taken);
  }

  // The consumer: returns when something waits, at `deadline` if there is one, or when `stop` is requested.
  void wait(std::stop_token stop, std::optional<Clock::time_point> deadline) {
    std::unique_lock lock(mutex_);
    auto some = [this] { return !waiting_.empty(); };
    if (deadline) {
      arrived_.wait_until(lock, stop, *deadline, some);
    } else {
      arrived_.wait(lock, stop, some);
    }
  }

  std::size_t depth() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::vector<T> waiting_;
};

}  // namespace parley::engine
