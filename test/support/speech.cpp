#include "test/support/speech.hpp"

#include "engine/audio/resampler.hpp"
#include "protocol/base64/base64.hpp"
#include "server/session/samples.hpp"
#include "test/support/recordings.hpp"

namespace parley::test {

std::vector<float> spoken_sentence() {
  std::vector<float> pcm(8'000);  // half a second before, one after
  const auto speech = raw_pcm("goforward.raw");
  pcm.insert(pcm.end(), speech.begin(), speech.end());
  pcm.resize(pcm.size() + 16'000);
  return pcm;
}

nlohmann::json append_event(std::span<const std::int16_t> pcm) {
  return {{"type", "input_audio_buffer.append"}, {"audio", protocol::base64::encode(std::as_bytes(pcm))}};
}

std::vector<std::int16_t> at_24khz(std::span<const float> pcm) {
  return server::pcm16_of(engine::resample(pcm, 16000, 24000));
}
std::vector<std::int16_t> at_48khz(std::span<const float> pcm) {
  return server::pcm16_of(engine::resample(pcm, 16000, 48000));
}

std::vector<std::int16_t> silence(int ms, int rate) {
  return std::vector<std::int16_t>(static_cast<std::size_t>(ms) * static_cast<std::size_t>(rate) / 1000);
}

void append_all(SocketClient& client, std::span<const std::int16_t> pcm) {
  constexpr std::size_t piece = 2400;
  for (; !pcm.empty(); pcm = pcm.subspan(std::min(piece, pcm.size())))
    client.say(append_event(pcm.first(std::min(piece, pcm.size()))));
}

protocol::Bytes PacketMicrophone::packet(std::span<const std::int16_t> pcm, std::uint32_t stream,
                                         std::uint32_t position) {
  const protocol::Bytes payload = encoder_.encode(pcm);
  next.kind = protocol::native::input_kind;
  next.start = first_;
  next.stream = stream;
  next.aux = position;
  next.payload = payload;
  protocol::Bytes message = protocol::native::encode_frame(next);
  first_ = false;
  ++next.seq;
  next.timestamp += 960;
  return message;
}

void PacketMicrophone::send(SocketClient& client, std::span<const std::int16_t> pcm, std::uint32_t stream,
                            std::uint32_t position) {
  constexpr std::size_t samples = 960;
  for (; pcm.size() >= samples; pcm = pcm.subspan(samples))
    client.binary(packet(pcm.first(samples), stream, position));
}

void PacketMicrophone::skip(int packets) {
  next.seq = static_cast<std::uint16_t>(next.seq + packets);
  next.timestamp += static_cast<std::uint32_t>(960 * packets);
}

}  // namespace parley::test
