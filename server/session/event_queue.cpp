// Tested by test/server/session/small_parts_test.cpp.
#include "server/session/event_queue.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace parley::server {
namespace {

struct BytesOf {
  std::size_t operator()(const engine::Transcript& event) const { return event.text.size(); }
  std::size_t operator()(const engine::TextDelta& event) const { return event.text.size(); }
  std::size_t operator()(const engine::AudioChunk& event) const { return event.pcm.size() * 2; }
  std::size_t operator()(const engine::ToolCall& event) const { return event.arguments.size(); }
  std::size_t operator()(const engine::TurnDone& event) const { return event.error.size(); }
};

std::size_t bytes_of(const engine::Event& event) { return sizeof(event) + std::visit(BytesOf{}, event); }

}  // namespace

EventQueue::EventQueue(net::any_io_executor strand, Condition& filled, std::size_t most_bytes)
    : most_bytes_(most_bytes), filled_(&filled), strand_(std::move(strand)) {}

bool EventQueue::push(engine::Event event) {
  std::optional<net::any_io_executor> wake;
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (!strand_) return false;
    const std::size_t bytes = bytes_of(event);
    taken = bytes_ + bytes <= most_bytes_;
    if (taken) {
      bytes_ += bytes;
      events_.push_back(std::move(event));
    } else {
      overflowed_ = true;
    }
    if (!std::exchange(waking_, true)) wake = strand_;
  }
  if (wake) {
    net::post(*wake, [self = shared_from_this()] {
      {
        const std::lock_guard lock(self->mutex_);
        self->waking_ = false;
      }
      if (self->filled_ != nullptr) self->filled_->notify();
    });
  }
  return taken;
}

std::optional<engine::Event> EventQueue::pop() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  engine::Event event = std::move(events_.front());
  events_.pop_front();
  bytes_ -= bytes_of(event);
  return event;
}

bool EventQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return events_.empty();
}

bool EventQueue::overflowed() const {
  const std::lock_guard lock(mutex_);
  return overflowed_;
}

void EventQueue::close() {
  filled_ = nullptr;
  const std::lock_guard lock(mutex_);
  strand_.reset();
  events_.clear();
  bytes_ = 0;
}

}  // namespace parley::server
