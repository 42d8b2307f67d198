// Base64 (RFC 4648 section 4) for audio in JSON messages.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace parley::protocol::base64 {

constexpr std::size_t encoded_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Appends the text of `bytes`, padded, to `out`.
void encode(ByteView bytes, std::string& out);
std::string encode(ByteView bytes);

// Strict: the standard alphabet only, no white space, padded to a multiple of four, no stray bits in the last
// character. Empty result: the text is not that.
std::optional<Bytes> decode(std::string_view text);

}  // namespace parley::protocol::base64
