// Any bytes as binary messages of one connection, one after the other, as the decoder has a memory: header,
// packet, samples. First come the parameters that were negotiated, then messages, each behind two bytes with
// its length.
#include <array>
#include <cmath>

#include "protocol/native/frame.hpp"
#include "protocol/opus/decoder.hpp"
#include "protocol/opus/packet.hpp"
#include "test/fuzz/bytes_reader.hpp"
#include "test/fuzz/require.hpp"

namespace {

using namespace parley;
using namespace parley::protocol;
using fuzz::require;

constexpr std::array rates{8000, 12000, 16000, 24000, 48000};

native::InputParameters read_parameters(fuzz::BytesReader& bytes) {
  native::InputParameters parameters;
  parameters.codec = bytes.flag() ? native::Codec::pcm16 : native::Codec::opus;
  parameters.header = !bytes.flag();
  parameters.rate = bytes.pick(rates);
  return parameters;
}

void check_header(const native::Frame& frame, ByteView message) {
  const Bytes again = native::encode_frame(frame);
  const auto decoded = native::decode_frame(again);
  require(decoded.has_value(), "a frame that was read can be written and read");
  require(decoded->kind == frame.kind && decoded->start == frame.start && decoded->end == frame.end &&
              decoded->pcm == frame.pcm && decoded->gap == frame.gap && decoded->seq == frame.seq &&
              decoded->timestamp == frame.timestamp && decoded->stream == frame.stream &&
              decoded->aux == frame.aux,
          "writing and reading a header changes nothing");
  require(again.size() == message.size(), "a frame is as long as it was");
}

void decode_packet(opus::Decoder& decoder, ByteView packet) {
  const auto info = opus::inspect(packet);
  const auto samples = info ? static_cast<std::size_t>(info->units) *
                                  static_cast<std::size_t>(decoder.sample_rate_hz()) / 48000
                            : 0;
  if (info)
    require(info->units >= 120 && info->units <= 5760 && info->frames >= 1 && info->frames <= 48,
            "a packet has 2.5 to 120 ms");

  std::vector<float> pcm(3, 0.25F);
  const auto decoded = decoder.decode(packet, pcm);
  require(pcm.size() == 3 + (decoded ? samples : 0), "a packet gives the samples that it announces, or none");
  require(!decoded || info.has_value(), "what decodes is well-formed");
  if (!decoded) {
    require(decoded.error().code == ErrorCode::invalid_opus_packet, "what does not decode is no Opus packet");
    decoder.conceal(320, pcm);
    require(pcm.size() >= 3 + 320, "concealment fills the place");
  }
  for (const float sample : pcm) require(std::isfinite(sample), "samples are numbers");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::BytesReader bytes(data, size);
  const native::InputParameters parameters = read_parameters(bytes);
  opus::Decoder decoder(bytes.pick(rates));
  while (!bytes.empty()) {
    const ByteView message = std::as_bytes(bytes.take(bytes.word()));
    if (const auto frame = native::decode_frame(message)) check_header(*frame, message);

    const auto frame = native::decode_input_frame(message, parameters);
    if (!frame) {
      const auto code = frame.error().code;
      require(code == ErrorCode::invalid_frame || code == ErrorCode::unsupported_audio_format,
              "a bad frame is an invalid frame or another format");
      require(frame.error().param == "binary", "errors of frames name the binary message");
      continue;
    }
    require(frame->payload.size() <= message.size(), "the payload lies in the message");
    if (frame->start) decoder.reset();
    if (!frame->pcm && !frame->payload.empty()) decode_packet(decoder, frame->payload);
  }
  return 0;
}
