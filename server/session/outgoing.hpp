// What waits to be written to one client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "protocol/bytes.hpp"

namespace parley::server {

// One WebSocket message.
struct OutgoingMessage {
  std::string text;       // of a text message
  protocol::Bytes bytes;  // of a binary one
  bool binary = false;
  std::uint32_t stream = 0;  // the output stream whose audio it carries; 0: none
  double ms = 0;             // of that audio

  const void* data() const { return binary ? static_cast<const void*>(bytes.data()) : text.data(); }
  std::size_t size() const { return binary ? bytes.size() : text.size(); }
  std::size_t footprint() const { return sizeof(*this) + size(); }
};

class Outgoing {
 public:
  void push(OutgoingMessage message) {
    bytes_ += message.footprint();
    messages_.push_back(std::move(message));
  }

  OutgoingMessage take() {
    OutgoingMessage message = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= message.footprint();
    return message;
  }

  // Drops the stream's audio; how much of it there was, in ms.
  double purge(std::uint32_t stream) {
    double ms = 0;
    std::erase_if(messages_, [&](const OutgoingMessage& message) {
      if (message.stream != stream) return false;
      ms += message.ms;
      bytes_ -= message.footprint();
      return true;
    });
    return ms;
  }

  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }  // of memory
  std::size_t messages() const { return messages_.size(); }

 private:
  std::deque<OutgoingMessage> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace parley::server
