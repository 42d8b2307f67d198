// A recording as it goes over the wire.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::client {

inline constexpr int packet_ms = 20;
inline constexpr int recording_rate_hz = 24'000;

// Encoded once, ahead of time, and sent by any number of callers: encoding would cost a caller more than all
// the rest of what it does. Not changed after it was made, so it may be shared between threads.
class Utterance {
 public:
  // `pcm` is 24 kHz mono, -1..1. Throws std::invalid_argument with a sentence when it is empty or silent.
  explicit Utterance(std::span<const float> pcm);

  std::size_t packets() const { return packets_.size(); }
  // The packet after the last one that holds sound: what follows it in the recording is 40 dB or more below
  // the loudest, and the speaker has finished.
  std::size_t end_of_speech() const { return end_of_speech_; }

  // Packet `index` of the recording; from packets() on, silence, for as long as it takes.
  protocol::ByteView packet(std::size_t index) const;

 private:
  std::vector<protocol::Bytes> packets_;
  std::vector<protocol::Bytes> silence_;  // the last of them is repeated
  std::size_t end_of_speech_ = 0;
};

}  // namespace parley::client
