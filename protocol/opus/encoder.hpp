// Samples to Opus packets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "protocol/bytes.hpp"

struct OpusEncoder;

namespace parley::protocol::opus {

struct EncoderSettings {
  enum class Application { voip, audio };
  int sample_rate_hz = 24000;  // 8000, 12000, 16000, 24000 or 48000
  int frame_ms = 20;           // 10, 20, 40 or 60: the length of every packet
  int bitrate = 28000;         // bit/s on average
  Application application = Application::voip;
  int complexity = 5;  // 0..10: processor time against quality
};

// One stream of mono packets; each depends on those before it. Variable bitrate, no in-band error correction
// and no discontinuous transmission: TCP loses nothing, and the other side counts on a packet for every
// frame. Not thread-safe. Throws std::runtime_error when the codec cannot be made with these settings.
class Encoder {
 public:
  explicit Encoder(const EncoderSettings& settings);

  // One packet of exactly frame_samples() samples; a shorter last frame is filled up with silence. The codec
  // is delayed: decoded sound lags behind by preskip(), so a stream that must be heard to the last sample
  // ends with so much silence. Throws std::invalid_argument for more samples.
  Bytes encode(std::span<const std::int16_t> pcm);

  int frame_samples() const { return settings_.sample_rate_hz / 1000 * settings_.frame_ms; }
  int preskip() const { return preskip_; }  // 48 kHz units that a listener drops at the start of the stream
  const EncoderSettings& settings() const { return settings_; }

  void reset();  // a new stream

 private:
  struct Destroy {
    void operator()(OpusEncoder* encoder) const;
  };
  EncoderSettings settings_;
  std::unique_ptr<OpusEncoder, Destroy> encoder_;
  int preskip_ = 0;
};

}  // namespace parley::protocol::opus
