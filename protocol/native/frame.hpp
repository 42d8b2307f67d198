// Binary messages: one packet of audio behind a header of 16 bytes (protocol.md 9.3).
//
//   0 kind   1 flags   2 seq   4 timestamp   8 stream   12 aux   16 payload        all numbers big-endian
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/native/parameters.hpp"
#include "protocol/realtime/error.hpp"

namespace parley::protocol::native {

inline constexpr std::size_t header_size = 16;
inline constexpr std::size_t max_opus_bytes = 4096;
inline constexpr int max_pcm_ms = 120;
inline constexpr int units_per_ms =
    48;  // of timestamps and positions: every Opus frame is a whole number of them
inline constexpr std::uint8_t input_kind = 0x01;   // client to server
inline constexpr std::uint8_t output_kind = 0x02;  // server to client; frames of other kinds are ignored
inline constexpr std::uint32_t unknown_cursor = 0xFFFFFFFF;

// One binary message. `payload` points into the message that was decoded.
struct Frame {
  std::uint8_t kind = output_kind;
  bool start = false;           // first packet of a talk spurt or stream: the decoder starts anew
  bool end = false;             // last packet; the payload may be empty
  bool pcm = false;             // the payload is PCM16 little-endian at the negotiated rate
  bool gap = false;             // the sender left audio out before this packet
  std::uint16_t seq = 0;        // +1 a packet, wraps; output: from 0 in each stream
  std::uint32_t timestamp = 0;  // of the first sample, 48 kHz units, wraps; output: from 0 in each stream
  std::uint32_t stream = 0;  // input: the output stream that was playing, 0 for silence; output: its number
  std::uint32_t aux = 0;  // input: position in that stream, 48 kHz units; output: code points spoken so far
  ByteView payload = {};
};

// Reads a message that has a header. Errors (invalid_frame): shorter than the header, or empty without `end`.
// A frame of an unknown kind is no error.
Result<Frame> decode_frame(ByteView message);

// Reads a message from a client by what was negotiated: with or without a header, the payload's size checked,
// and `pcm` set where the codec says so. A recorder's container in place of a packet is
// unsupported_audio_format.
Result<Frame> decode_input_frame(ByteView message, const InputParameters& parameters);

std::array<std::byte, header_size> encode_header(const Frame& frame);
Bytes encode_frame(const Frame& frame);  // header and payload

}  // namespace parley::protocol::native
