// PCM16 little-endian bytes and samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::server {

std::vector<std::int16_t> samples_of(
    protocol::ByteView bytes);  // whole samples; an odd last byte is left out
protocol::Bytes bytes_of(std::span<const std::int16_t> samples);
std::vector<std::int16_t> pcm16_of(std::span<const float> samples);  // -1..1, clipped

}  // namespace parley::server
