// The way of the engine's events to their session's strand.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/turn.hpp"
#include "server/session/condition.hpp"

namespace parley::server {

// Filled on the engine's thread, which it never keeps waiting; emptied on the session's strand. Bounded by
// the bytes that its events hold. It may outlive the session: after close() it takes nothing more and refers
// to nothing.
class EventQueue : public std::enable_shared_from_this<EventQueue> {
 public:
  // `filled` is notified on `strand` when there are events, or when one found no room.
  EventQueue(net::any_io_executor strand, Condition& filled, std::size_t most_bytes);

  bool push(engine::Event event);  // false: no room, or closed

  // On the strand:
  std::optional<engine::Event> pop();
  bool empty() const;
  bool overflowed() const;
  void close();

 private:
  const std::size_t most_bytes_;
  Condition* filled_;  // on the strand alone
  mutable std::mutex mutex_;
  std::optional<net::any_io_executor> strand_;  // empty: closed
  std::deque<engine::Event> events_;
  std::size_t bytes_ = 0;
  bool overflowed_ = false;
  bool waking_ = false;
};

}  // namespace parley::server
