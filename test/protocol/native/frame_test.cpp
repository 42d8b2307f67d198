#include "protocol/native/frame.hpp"

#include <initializer_list>

#include "test/support/catch.hpp"

using namespace parley::protocol;
using namespace parley::protocol::native;

namespace {

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes made;
  for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

// A message from a client with `payload`, and these flags.
Bytes message(const Bytes& payload, bool end = false) {
  return encode_frame({.kind = input_kind, .end = end, .payload = payload});
}

ErrorCode refusal(const Bytes& message, const InputParameters& parameters = {}) {
  const Result<Frame> frame = decode_input_frame(message, parameters);
  REQUIRE_FALSE(frame.has_value());
  CHECK(frame.error().param == "binary");
  return frame.error().code;
}

}  // namespace

TEST_CASE("a frame's header is sixteen bytes in network order", "[protocol][native]") {
  const Bytes packet = bytes({0xAB});
  CHECK(encode_frame({.seq = 5, .timestamp = 4800, .stream = 3, .aux = 12, .payload = packet}) ==
        bytes({0x02, 0x00, 0x00, 0x05, 0x00, 0x00, 0x12, 0xC0, 0, 0, 0, 3, 0, 0, 0, 0x0C, 0xAB}));
  CHECK(encode_frame({.kind = input_kind, .start = true, .payload = packet}) ==
        bytes({0x01, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xAB}));
}

TEST_CASE("a frame decodes to what was encoded", "[protocol][native]") {
  const Bytes packet = bytes({1, 2, 3});
  const Frame sent{.kind = input_kind,
                   .start = true,
                   .end = true,
                   .pcm = false,
                   .gap = true,
                   .seq = 0xFFFE,
                   .timestamp = 0xFEDCBA98,
                   .stream = 7,
                   .aux = 0x01020304,
                   .payload = packet};
  const Bytes wire = encode_frame(sent);
  const Frame read = decode_frame(wire).value();
  CHECK(encode_frame(read) == wire);
  CHECK(read.seq == sent.seq);
  CHECK(read.timestamp == sent.timestamp);
  CHECK(read.stream == sent.stream);
  CHECK(read.aux == sent.aux);
  CHECK((read.start && read.end && !read.pcm && read.gap));
}

TEST_CASE("reserved flags are ignored", "[protocol][native]") {
  Bytes wire = message(bytes({1}));
  wire[1] = std::byte{0xF0};
  const Frame read = decode_frame(wire).value();
  CHECK_FALSE((read.start || read.end || read.pcm || read.gap));
}

TEST_CASE("N3: a message shorter than its header, or empty without END, is an invalid frame",
          "[protocol][native]") {
  CHECK(refusal(Bytes(12)) == ErrorCode::invalid_frame);
  CHECK(refusal({}) == ErrorCode::invalid_frame);
  CHECK(refusal(message({})) == ErrorCode::invalid_frame);
  CHECK(decode_input_frame(message({}, /*end=*/true), {}).has_value());
  CHECK(refusal({}, {.header = false}) == ErrorCode::invalid_frame);
}

TEST_CASE("payloads beyond the limits are invalid frames", "[protocol][native]") {
  CHECK(decode_input_frame(message(Bytes(4096)), {}).has_value());
  CHECK(refusal(message(Bytes(4097))) == ErrorCode::invalid_frame);

  const InputParameters pcm{.codec = Codec::pcm16, .rate = 16000};
  CHECK(decode_input_frame(message(Bytes(3840)), pcm).has_value());  // 120 ms
  CHECK(refusal(message(Bytes(3842)), pcm) == ErrorCode::invalid_frame);
  CHECK(refusal(message(Bytes(641)), pcm) == ErrorCode::invalid_frame);
}

TEST_CASE("N5: a container in place of a packet is an unsupported audio format", "[protocol][native]") {
  const Bytes payload = GENERATE(bytes({'O', 'g', 'g', 'S', 0, 2}), bytes({0x1A, 0x45, 0xDF, 0xA3, 1}));
  CHECK(refusal(message(payload)) == ErrorCode::unsupported_audio_format);
  CHECK(refusal(payload, {.header = false}) == ErrorCode::unsupported_audio_format);
}

TEST_CASE("a frame of another kind is left to the reader to ignore", "[protocol][native]") {
  Bytes wire = message({});
  wire[0] = std::byte{0x7F};
  const Result<Frame> frame = decode_input_frame(wire, {});
  REQUIRE(frame.has_value());
  CHECK(frame->kind == 0x7F);
}

TEST_CASE("without headers the message is the packet, in the codec that was agreed on",
          "[protocol][native]") {
  const Bytes packet = bytes({0x01, 0x02, 0x03, 0x04});
  const Frame opus = decode_input_frame(packet, {.header = false}).value();
  CHECK(opus.payload.size() == 4);
  CHECK_FALSE(opus.pcm);
  CHECK(decode_input_frame(packet, {.codec = Codec::pcm16, .header = false})->pcm);
}
