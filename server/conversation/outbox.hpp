// What one input leads to, gathered in order.
#pragma once

#include <deque>
#include <utility>

#include "protocol/realtime/ids.hpp"
#include "server/conversation/action.hpp"
#include "server/conversation/playback.hpp"

namespace parley::conversation {

// Shared by the parts of one conversation; also the source of its ids.
class Outbox {
 public:
  explicit Outbox(protocol::IdGenerator ids) : ids_(std::move(ids)) {}

  void send(protocol::ServerEventBody body) { actions_.push_back(Send{{ids_.event(), std::move(body)}}); }
  void perform(Action action) { actions_.push_back(std::move(action)); }
  Actions take() { return std::exchange(actions_, {}); }

  protocol::IdGenerator& ids() { return ids_; }

 private:
  protocol::IdGenerator ids_;
  Actions actions_;
};

// Counts errors over a sliding window: a client that makes nothing else is disconnected.
class ErrorRate {
 public:
  ErrorRate(int most, Clock::duration window) : most_(most), window_(window) {}

  // One more. False: too many.
  bool count(Time now) {
    recent_.push_back(now);
    while (recent_.front() + window_ < now) recent_.pop_front();
    return static_cast<int>(recent_.size()) < most_;
  }

 private:
  int most_;
  Clock::duration window_;
  std::deque<Time> recent_;
};

}  // namespace parley::conversation
