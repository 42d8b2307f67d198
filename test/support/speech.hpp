// What tests say to a server: recorded speech, tones and silence, as JSON appends and as native packets.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "protocol/native/frame.hpp"
#include "protocol/opus/encoder.hpp"
#include "test/support/socket_client.hpp"

namespace parley::test {

// "go forward ten meters", with silence around it: 16 kHz.
std::vector<float> spoken_sentence();

// An append event of PCM16 at 24 kHz.
nlohmann::json append_event(std::span<const std::int16_t> pcm_24khz);
std::vector<std::int16_t> at_24khz(std::span<const float> pcm_16khz);
std::vector<std::int16_t> silence(int ms, int rate);

// Appends all of it in pieces of 100 ms, as fast as the socket takes them.
void append_all(SocketClient& client, std::span<const std::int16_t> pcm_24khz);

// A microphone that speaks Opus at 48 kHz: packets of 20 ms with their headers.
class PacketMicrophone {
 public:
  // The next packet of 960 samples; `stream` and `position` say what is being played meanwhile.
  protocol::Bytes packet(std::span<const std::int16_t> pcm, std::uint32_t stream = 0,
                         std::uint32_t position = 0);
  void send(SocketClient& client, std::span<const std::int16_t> pcm_48khz, std::uint32_t stream = 0,
            std::uint32_t position = 0);
  void skip(int packets);        // leaves them out
  protocol::native::Frame next;  // of the next packet

 private:
  protocol::opus::Encoder encoder_{{.sample_rate_hz = 48000}};
  bool first_ = true;
};
std::vector<std::int16_t> at_48khz(std::span<const float> pcm_16khz);

}  // namespace parley::test
