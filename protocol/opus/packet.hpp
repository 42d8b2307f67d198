// What an Opus packet says about itself (RFC 6716 section 3), without decoding it.
#pragma once

#include <optional>

#include "protocol/bytes.hpp"

namespace parley::protocol::opus {

struct PacketInfo {
  int frames = 0;  // 1..48
  int units = 0;   // length of the whole packet, 48 kHz units: 120 (2.5 ms) to 5760 (120 ms)
  bool stereo = false;

  double ms() const { return units / 48.0; }
};

// Empty: the bytes are no well-formed packet. Random bytes pass quite often: nearly everything is an Opus
// packet.
std::optional<PacketInfo> inspect(ByteView packet);

}  // namespace parley::protocol::opus
