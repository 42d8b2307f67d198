// The speech of one content part on its way out: chunks of any size in, packets of the right size out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "server/conversation/alignment.hpp"

namespace parley::conversation {

inline constexpr int output_sample_rate_hz = 24000;

inline double ms_of_output(std::size_t samples) {
  return static_cast<double>(samples) * 1000 / output_sample_rate_hz;
}

// One packet or delta. `timestamp` and the flags are those of the native header (protocol.md 9.3).
struct OutputPacket {
  std::vector<std::int16_t> pcm;  // 24 kHz mono
  std::uint16_t seq = 0;
  std::uint32_t timestamp = 0;    // of the first sample, 48 kHz units from 0
  std::uint32_t text_cursor = 0;  // code points spoken by its end
  bool first = false;
  bool last = false;  // pcm may be empty
  double ms() const { return ms_of_output(pcm.size()); }
};

class OutputStream {
 public:
  // packet_ms > 0: packets of exactly that length, the last one filled up with silence, and a last one always
  // (empty if need be). packet_ms 0: JSON deltas, 40 ms first, then 80-120 ms, the last as short as it is.
  explicit OutputStream(int packet_ms) : packet_ms_(packet_ms) {}

  void push(std::span<const std::int16_t> pcm, std::uint32_t text_cursor);
  void finish() { finished_ = true; }  // nothing comes after what was pushed
  void drop_queued();

  // Length of the next packet, if there is one.
  std::optional<double> next_ms() const;
  OutputPacket take();  // next_ms() must have said that there is one

  bool drained() const { return finished_ && !next_ms(); }
  double queued_ms() const { return ms_of_output(queued_.size()); }
  double pushed_ms() const { return ms_of_output(pushed_); }
  std::uint32_t packets() const { return packets_; }
  const Alignment& alignment() const { return alignment_; }

 private:
  std::size_t next_samples() const;

  int packet_ms_;
  std::deque<std::int16_t> queued_;
  std::size_t pushed_ = 0;  // samples
  std::size_t taken_ = 0;   // samples
  std::uint32_t packets_ = 0;
  bool finished_ = false;
  bool last_taken_ = false;
  Alignment alignment_;
};

}  // namespace parley::conversation
