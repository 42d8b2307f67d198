// Bytes as they travel: base64 payloads, binary frames, Opus packets.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::protocol {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

}  // namespace parley::protocol
