// The user's audio as binary packets, made into one continuous stream (protocol.md 9.5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/audio/resampler.hpp"
#include "protocol/native/frame.hpp"
#include "protocol/opus/decoder.hpp"
#include "protocol/realtime/error.hpp"
#include "server/conversation/playback.hpp"

namespace parley::server {

// What the packets do to the input's clock, where timestamps tell (header on); `g` is the time between the
// end of one packet and the start of the next:
//
//   g <= 0              follows at once; a packet that does not advance is late and dropped
//   g up to 120 ms      concealed: the decoder goes on from what it heard last
//   g up to 2 s         silence
//   longer, or START    the decoder begins anew, nothing is filled in
//
// A packet that cannot be decoded is concealed by as much as the last good one was long.
class NativeInput {
 public:
  explicit NativeInput(const protocol::native::InputParameters& parameters) : parameters_(parameters) {}

  struct Heard {
    bool gap = false;        // before the audio: what came earlier is over
    std::vector<float> pcm;  // 16 kHz mono
    std::optional<protocol::Error> error;
  };
  Heard take(const protocol::native::Frame& frame, conversation::Time now);

  struct Stats {
    std::int64_t packets = 0;
    std::int64_t lost = 0;
    std::int64_t late = 0;
    std::int64_t decode_errors = 0;
    bool operator==(const Stats&) const = default;
  };
  const Stats& stats() const { return stats_; }
  int bad_in_a_row() const { return bad_in_a_row_; }
  const protocol::native::InputParameters& parameters() const { return parameters_; }

 private:
  bool follow(const protocol::native::Frame& frame, Heard& heard);
  int decode(protocol::ByteView packet, std::vector<float>& pcm);
  int decode_pcm(protocol::ByteView payload, std::vector<float>& pcm);
  void begin_anew();

  protocol::native::InputParameters parameters_;
  std::optional<protocol::opus::Decoder> decoder_;
  std::optional<engine::Resampler> resampler_;  // of PCM payloads
  bool heard_any_ = false;
  std::uint16_t last_seq_ = 0;
  std::uint32_t last_timestamp_ = 0;
  int last_units_ = 960;  // length of the last packet, 48 kHz units
  int bad_in_a_row_ = 0;
  std::optional<conversation::Time> last_error_;
  Stats stats_;
};

}  // namespace parley::server
