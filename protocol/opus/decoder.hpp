// Opus packets to samples.
#pragma once

#include <memory>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/realtime/error.hpp"

struct OpusDecoder;

namespace parley::protocol::opus {

// One stream of packets, decoded to mono at the rate the listener wants: the codec resamples and mixes down,
// so it does not matter what the client encoded at. Packets depend on those before them. Not thread-safe.
// Throws std::runtime_error when the codec cannot be made.
class Decoder {
 public:
  // 8000, 12000, 16000, 24000 or 48000 Hz.
  explicit Decoder(int sample_rate_hz = 16000);

  // Appends the packet's samples, -1..1, to `pcm`. Error invalid_opus_packet: nothing was appended, the
  // stream can go on (with conceal() in the packet's place).
  Result<void> decode(ByteView packet, std::vector<float>& pcm);

  // Appends `samples` that continue what was heard last, fading out: in place of packets that are missing.
  // Rounded up to the codec's step of 2.5 ms, at most one second.
  void conceal(int samples, std::vector<float>& pcm);

  void reset();  // what comes next has nothing to do with what came

  int sample_rate_hz() const { return sample_rate_hz_; }

 private:
  struct Destroy {
    void operator()(OpusDecoder* decoder) const;
  };
  int sample_rate_hz_;
  std::unique_ptr<OpusDecoder, Destroy> decoder_;
};

}  // namespace parley::protocol::opus
