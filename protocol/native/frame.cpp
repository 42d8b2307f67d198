#include "protocol/native/frame.hpp"

#include <algorithm>
#include <string>

namespace parley::protocol::native {
namespace {

enum Flag : unsigned { start_flag = 0x01, end_flag = 0x02, pcm_flag = 0x04, gap_flag = 0x08 };

unsigned byte_at(ByteView bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

std::uint16_t read16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

std::uint32_t read32(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read16(bytes, at)) << 16U | read16(bytes, at + 2);
}

template <std::size_t Size>
void put(std::span<std::byte, Size> to, std::uint32_t value) {
  for (std::size_t i = 0; i < Size; ++i) to[i] = static_cast<std::byte>(value >> 8U * (Size - 1 - i) & 0xFFU);
}

bool starts_with(ByteView bytes, const std::array<unsigned, 4>& magic) {
  if (bytes.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i)
    if (byte_at(bytes, i) != magic[i]) return false;
  return true;
}

// What a page sends that takes its packets from MediaRecorder.
bool is_container(ByteView payload) {
  return starts_with(payload, {'O', 'g', 'g', 'S'}) || starts_with(payload, {0x1A, 0x45, 0xDF, 0xA3});
}

Result<void> check_payload(const Frame& frame, const InputParameters& parameters) {
  if (is_container(frame.payload))
    return unsupported_audio_format(
        "Expected one raw Opus packet a message, but got an Ogg or WebM container; encode with WebCodecs or "
        "libopus "
        "instead of MediaRecorder.");
  const std::size_t size = frame.payload.size();
  if (!frame.pcm) {
    if (size <= max_opus_bytes) return {};
    return invalid_frame("An Opus packet has at most " + std::to_string(max_opus_bytes) + " bytes, but got " +
                         std::to_string(size) + ".");
  }
  const auto most = static_cast<std::size_t>(parameters.rate) * max_pcm_ms / 1000 * 2;
  if (size > most)
    return invalid_frame("A PCM payload lasts at most " + std::to_string(max_pcm_ms) + " ms (" +
                         std::to_string(most) + " bytes), but got " + std::to_string(size) + " bytes.");
  if (size % 2 != 0)
    return invalid_frame("A PCM payload has whole samples of 2 bytes, but got an odd number.");
  return {};
}

Error empty_payload() {
  return invalid_frame("Expected a payload: only a frame with the END flag may be empty.");
}

}  // namespace

Result<Frame> decode_frame(ByteView message) {
  if (message.size() < header_size)
    return invalid_frame("Expected a header of " + std::to_string(header_size) +
                         " bytes, but the message has " + std::to_string(message.size()) + ".");
  const unsigned flags = byte_at(message, 1);
  Frame frame{.kind = static_cast<std::uint8_t>(byte_at(message, 0)),
              .start = (flags & start_flag) != 0,
              .end = (flags & end_flag) != 0,
              .pcm = (flags & pcm_flag) != 0,
              .gap = (flags & gap_flag) != 0,
              .seq = read16(message, 2),
              .timestamp = read32(message, 4),
              .stream = read32(message, 8),
              .aux = read32(message, 12),
              .payload = message.subspan(header_size)};
  const bool known = frame.kind == input_kind || frame.kind == output_kind;
  if (known && frame.payload.empty() && !frame.end) return empty_payload();
  return frame;
}

Result<Frame> decode_input_frame(ByteView message, const InputParameters& parameters) {
  Frame frame{.kind = input_kind, .payload = message};
  if (parameters.header) {
    const Result<Frame> decoded = decode_frame(message);
    if (!decoded) return decoded;
    frame = *decoded;
    if (frame.kind != input_kind) return frame;
  } else if (message.empty()) {
    return empty_payload();
  }
  frame.pcm = frame.pcm || parameters.codec == Codec::pcm16;
  if (const Result<void> checked = check_payload(frame, parameters); !checked) return checked.error();
  return frame;
}

std::array<std::byte, header_size> encode_header(const Frame& frame) {
  std::array<std::byte, header_size> header{};
  const std::span<std::byte, header_size> to = header;
  put(to.subspan<0, 1>(), frame.kind);
  put(to.subspan<1, 1>(), (frame.start ? start_flag : 0U) | (frame.end ? end_flag : 0U) |
                              (frame.pcm ? pcm_flag : 0U) | (frame.gap ? gap_flag : 0U));
  put(to.subspan<2, 2>(), frame.seq);
  put(to.subspan<4, 4>(), frame.timestamp);
  put(to.subspan<8, 4>(), frame.stream);
  put(to.subspan<12, 4>(), frame.aux);
  return header;
}

Bytes encode_frame(const Frame& frame) {
  const auto header = encode_header(frame);
  Bytes message;
  message.reserve(header.size() + frame.payload.size());
  message.insert(message.end(), header.begin(), header.end());
  message.insert(message.end(), frame.payload.begin(), frame.payload.end());
  return message;
}

}  // namespace parley::protocol::native
