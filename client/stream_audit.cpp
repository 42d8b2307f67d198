#include "client/stream_audit.hpp"

namespace parley::client {

bool StreamAudit::cross() {
  ++crossed_;
  return false;
}

void StreamAudit::announced(std::uint32_t stream, const std::string& response_id) {
  if (!responses_.contains(response_id) || !streams_.try_emplace(stream).second) cross();
}

bool StreamAudit::arrived(const protocol::native::Frame& frame, std::uint32_t duration_units) {
  const auto found = streams_.find(frame.stream);
  if (frame.kind != protocol::native::output_kind || found == streams_.end()) return cross();
  Stream& stream = found->second;
  if (stream.closed || stream.end_seen) return cross();

  const auto ahead = static_cast<std::uint16_t>(frame.seq - static_cast<std::uint16_t>(stream.number));
  if (ahead >= 0x8000) return cross();  // the numbers wrap, so half of them are behind
  if (ahead > 0)
    lost_ += ahead;
  else if (frame.timestamp != stream.timestamp)
    ++lost_;  // the numbers go on but the time does not: something was left out before they were given
  stream.number += ahead + 1U;
  stream.timestamp = frame.timestamp + duration_units;
  stream.end_seen = frame.end;
  return true;
}

void StreamAudit::flushed(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) found->second.closed = true;
}

void StreamAudit::done(std::uint32_t number, std::uint64_t frames, bool completed) {
  const auto found = streams_.find(number);
  if (found == streams_.end()) {
    cross();
    return;
  }
  Stream& stream = found->second;
  if (completed && !stream.closed) {
    if (frames > stream.number) lost_ += static_cast<int>(frames - stream.number);
    if (!stream.end_seen) ++lost_;
  }
  stream.closed = true;
}

}  // namespace parley::client
