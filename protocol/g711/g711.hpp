// G.711: telephone speech, 8 kHz mono, one byte a sample, in both companding laws of the ITU-T
// recommendation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::protocol::g711 {

enum class Law { mu, a };  // audio/pcmu and audio/pcma

std::vector<std::int16_t> decode(Law law, ByteView codes);
Bytes encode(Law law, std::span<const std::int16_t> pcm);  // to the nearest level; louder samples are clipped

}  // namespace parley::protocol::g711
