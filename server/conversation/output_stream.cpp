// Tested by test/server/conversation/output_stream_test.cpp.
#include "server/conversation/output_stream.hpp"

#include <algorithm>

namespace parley::conversation {
namespace {

constexpr std::size_t samples_of(int ms) {
  return static_cast<std::size_t>(ms) * output_sample_rate_hz / 1000;
}

// The first delta is short so that it can be heard early; the others are long enough to keep the share of
// JSON around the audio small.
constexpr std::size_t first_delta = samples_of(40);
constexpr std::size_t shortest_delta = samples_of(80);
constexpr std::size_t usual_delta = samples_of(100);
constexpr std::size_t longest_delta = samples_of(120);

}  // namespace

void OutputStream::push(std::span<const std::int16_t> pcm, std::uint32_t text_cursor) {
  queued_.insert(queued_.end(), pcm.begin(), pcm.end());
  pushed_ += pcm.size();
  alignment_.mark(pushed_ms(), text_cursor);
}

void OutputStream::drop_queued() {
  std::deque<std::int16_t>().swap(queued_);
  finished_ = last_taken_ = true;
}

// Samples that the next packet takes from the queue; 0 when it must wait or is the empty last one.
std::size_t OutputStream::next_samples() const {
  const std::size_t queued = queued_.size();
  if (packet_ms_ > 0) {
    const std::size_t packet = samples_of(packet_ms_);
    return queued >= packet || finished_ ? std::min(queued, packet) : 0;
  }
  if (packets_ == 0) return queued >= first_delta || finished_ ? std::min(queued, first_delta) : 0;
  if (queued >= shortest_delta) {
    if (queued <= longest_delta) return queued;
    return queued < 2 * shortest_delta ? shortest_delta : usual_delta;
  }
  return finished_ ? queued : 0;
}

std::optional<double> OutputStream::next_ms() const {
  if (last_taken_) return std::nullopt;
  const std::size_t samples = next_samples();
  if (packet_ms_ > 0) {
    if (samples > 0) return packet_ms_;
    if (finished_ && packets_ > 0) return 0.0;  // nothing is left to carry the end mark
    return std::nullopt;
  }
  if (samples > 0) return ms_of_output(samples);
  return std::nullopt;
}

OutputPacket OutputStream::take() {
  const std::size_t samples = next_samples();
  OutputPacket packet;
  packet.pcm.assign(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(samples));
  queued_.erase(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(samples));
  if (packet_ms_ > 0 && samples > 0) packet.pcm.resize(samples_of(packet_ms_));
  packet.seq = static_cast<std::uint16_t>(packets_);
  packet.timestamp = static_cast<std::uint32_t>(taken_ * 2);  // 24 kHz to 48 kHz
  packet.first = packets_ == 0;
  packet.last = finished_ && queued_.empty();
  taken_ += samples;
  packet.text_cursor = alignment_.cursor_at(ms_of_output(taken_));
  ++packets_;
  last_taken_ = packet.last;
  return packet;
}

}  // namespace parley::conversation
