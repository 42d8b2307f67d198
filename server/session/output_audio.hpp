// The answer's speech in the form its client asked for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/audio/resampler.hpp"
#include "protocol/bytes.hpp"
#include "protocol/native/parameters.hpp"
#include "protocol/opus/encoder.hpp"
#include "protocol/realtime/session.hpp"
#include "server/conversation/action.hpp"

namespace parley::server {

// Keeps a codec and a resampler for each stream that is being sent, and nothing between streams.
class OutputAudio {
 public:
  // The bytes of a response.output_audio.delta, in the action's format.
  protocol::Bytes delta(const conversation::SendAudio& audio);

  // One binary message. Empty: an end mark that headerless frames cannot carry.
  std::optional<protocol::Bytes> packet(const conversation::SendAudio& audio,
                                        const protocol::native::OutputParameters& parameters);

  void drop(std::uint32_t stream) { streams_.erase(stream); }
  std::size_t streams() const { return streams_.size(); }

 private:
  struct Stream {
    std::optional<engine::Resampler> delta_resampler;
    std::optional<engine::Resampler> packet_resampler;
    std::vector<std::int16_t> resampled;  // less than a packet
    std::optional<protocol::opus::Encoder> encoder;
  };

  Stream& stream(std::uint32_t number);
  static protocol::Bytes payload(Stream& stream, const conversation::OutputPacket& packet,
                                 const protocol::native::OutputParameters& parameters);
  static std::vector<std::int16_t> at_rate(Stream& stream, const conversation::OutputPacket& packet,
                                           int rate);

  std::map<std::uint32_t, Stream> streams_;
};

}  // namespace parley::server
