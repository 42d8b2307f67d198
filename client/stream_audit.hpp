// Whether the audio of a session is complete and its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "protocol/native/frame.hpp"

namespace parley::client {

// Follows the output streams of one session (protocol.md 9.3, 9.4): what the events announce, against the
// frames that come.
//
//   lost     packets that the numbering or the final count shows missing; a stream that ended without END
//   crossed  frames that do not belong where they came: of a stream not announced to this session, after its
//            end or flush, numbered backwards, of no known kind; streams of a response that is not this
//            session's
class StreamAudit {
 public:
  void response_created(const std::string& response_id) { responses_.insert(response_id); }
  void announced(std::uint32_t stream, const std::string& response_id);
  // True: the frame is in its place and may be played.
  bool arrived(const protocol::native::Frame& frame, std::uint32_t duration_units);
  void flushed(std::uint32_t stream);
  void done(std::uint32_t stream, std::uint64_t frames, bool completed);

  int lost() const { return lost_; }
  int crossed() const { return crossed_; }

 private:
  struct Stream {
    std::uint32_t number = 0;     // of the next packet, not wrapped
    std::uint32_t timestamp = 0;  // of the next packet, 48 kHz units
    bool end_seen = false;
    bool closed = false;  // flushed or done: nothing may follow
  };
  bool cross();

  std::map<std::uint32_t, Stream> streams_;
  std::set<std::string> responses_;
  int lost_ = 0;
  int crossed_ = 0;
};

}  // namespace parley::client
