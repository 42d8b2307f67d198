// Tested by test/server/session/audio_test.cpp.
#include "server/session/output_audio.hpp"

#include "protocol/g711/g711.hpp"
#include "protocol/native/frame.hpp"
#include "server/session/samples.hpp"

namespace parley::server {
namespace {

using conversation::output_sample_rate_hz;
using protocol::AudioFormat;
namespace g711 = protocol::g711;
namespace native = protocol::native;

constexpr int quality = 7;               // of resampling what people listen to
constexpr std::size_t most_streams = 8;  // at once; a conversation speaks at most three

}  // namespace

OutputAudio::Stream& OutputAudio::stream(std::uint32_t number) {
  if (!streams_.contains(number) && streams_.size() >= most_streams) streams_.erase(streams_.begin());
  return streams_[number];
}

protocol::Bytes OutputAudio::delta(const conversation::SendAudio& audio) {
  const auto& pcm = audio.packet.pcm;
  if (audio.format == AudioFormat{}) return bytes_of(pcm);
  Stream& of = stream(audio.stream);
  if (!of.delta_resampler) of.delta_resampler.emplace(output_sample_rate_hz, audio.format.rate, quality);
  std::vector<float> resampled = of.delta_resampler->push(std::span<const std::int16_t>(pcm));
  if (audio.packet.last) {
    const std::vector<float> tail = of.delta_resampler->finish();
    resampled.insert(resampled.end(), tail.begin(), tail.end());
    if (!audio.as_packet) drop(audio.stream);
  }
  const std::vector<std::int16_t> samples = pcm16_of(resampled);
  switch (audio.format.encoding) {
    case AudioFormat::Encoding::pcmu:
      return g711::encode(g711::Law::mu, samples);
    case AudioFormat::Encoding::pcma:
      return g711::encode(g711::Law::a, samples);
    case AudioFormat::Encoding::pcm:
      break;
  }
  return bytes_of(samples);
}

std::optional<protocol::Bytes> OutputAudio::packet(const conversation::SendAudio& audio,
                                                   const native::OutputParameters& parameters) {
  const conversation::OutputPacket& packet = audio.packet;
  protocol::Bytes payload;
  if (!packet.pcm.empty()) payload = OutputAudio::payload(stream(audio.stream), packet, parameters);
  if (packet.last) drop(audio.stream);
  if (!parameters.header) {
    if (payload.empty()) return std::nullopt;
    return payload;
  }
  return native::encode_frame({.kind = native::output_kind,
                               .start = packet.first,
                               .end = packet.last,
                               .pcm = parameters.codec == native::Codec::pcm16,
                               .seq = packet.seq,
                               .timestamp = packet.timestamp,
                               .stream = audio.stream,
                               .aux = packet.text_cursor,
                               .payload = payload});
}

protocol::Bytes OutputAudio::payload(Stream& stream, const conversation::OutputPacket& packet,
                                     const native::OutputParameters& parameters) {
  const std::vector<std::int16_t> samples = at_rate(stream, packet, parameters.rate);
  if (parameters.codec == native::Codec::pcm16) return bytes_of(samples);
  if (!stream.encoder) {
    stream.encoder.emplace(protocol::opus::EncoderSettings{
        .sample_rate_hz = parameters.rate, .frame_ms = parameters.frame_ms, .bitrate = parameters.bitrate});
  }
  return stream.encoder->encode(samples);
}

// Exactly as long as the packet: the resampler's look-ahead, some 3 ms, is paid once, by silence before the
// first sample.
std::vector<std::int16_t> OutputAudio::at_rate(Stream& stream, const conversation::OutputPacket& packet,
                                               int rate) {
  if (rate == output_sample_rate_hz) return packet.pcm;
  const bool first = !stream.packet_resampler;
  if (first) stream.packet_resampler.emplace(output_sample_rate_hz, rate, quality);
  const std::size_t wanted = packet.pcm.size() * static_cast<std::size_t>(rate) / output_sample_rate_hz;
  const auto fresh = pcm16_of(stream.packet_resampler->push(std::span<const std::int16_t>(packet.pcm)));
  std::vector<std::int16_t>& held = stream.resampled;
  if (first && fresh.size() < wanted) held.resize(wanted - fresh.size());
  held.insert(held.end(), fresh.begin(), fresh.end());
  if (held.size() < wanted) held.resize(wanted);
  std::vector<std::int16_t> samples(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(wanted));
  held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(wanted));
  return samples;
}

}  // namespace parley::server
