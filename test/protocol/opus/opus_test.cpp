#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "protocol/opus/decoder.hpp"
#include "protocol/opus/encoder.hpp"
#include "protocol/opus/packet.hpp"
#include "test/support/catch.hpp"

using namespace parley::protocol;
using opus::Decoder;
using opus::Encoder;
using opus::EncoderSettings;

namespace {

std::vector<std::int16_t> tone(double hz, int rate, std::size_t samples) {
  std::vector<std::int16_t> pcm(samples);
  for (std::size_t i = 0; i < samples; ++i)
    pcm[i] = static_cast<std::int16_t>(12000 *
                                       std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate));
  return pcm;
}

// All of `pcm`, a packet a frame.
std::vector<Bytes> encoded(Encoder& encoder, std::span<const std::int16_t> pcm) {
  std::vector<Bytes> packets;
  const auto frame = static_cast<std::size_t>(encoder.frame_samples());
  for (; !pcm.empty(); pcm = pcm.subspan(std::min(frame, pcm.size())))
    packets.push_back(encoder.encode(pcm.first(std::min(frame, pcm.size()))));
  return packets;
}

// Share of the energy of `pcm` that a tone of `hz` explains.
double purity(std::span<const float> pcm, double hz, int rate) {
  double in_phase = 0;
  double quadrature = 0;
  double energy = 0;
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate;
    in_phase += pcm[i] * std::cos(angle);
    quadrature += pcm[i] * std::sin(angle);
    energy += static_cast<double>(pcm[i]) * pcm[i];
  }
  return 2 * (in_phase * in_phase + quadrature * quadrature) / (static_cast<double>(pcm.size()) * energy);
}

}  // namespace

TEST_CASE("a tone encoded at 24 kHz is heard at 16 kHz, with every packet's exact length",
          "[protocol][opus]") {
  const int frame_ms = GENERATE(20, 40, 60);
  Encoder encoder({.frame_ms = frame_ms});
  Decoder decoder(16000);
  std::vector<float> pcm;
  for (const Bytes& packet : encoded(encoder, tone(440, 24000, 24000))) {
    CHECK(opus::inspect(packet)->ms() == frame_ms);
    const std::size_t before = pcm.size();
    REQUIRE(decoder.decode(packet, pcm));
    CHECK(pcm.size() - before == static_cast<std::size_t>(16 * frame_ms));
  }
  CHECK(purity(std::span(pcm).subspan(1600, 12800), 440, 16000) > 0.95);
}

TEST_CASE("the encoder's delay is told in 48 kHz units", "[protocol][opus]") {
  const int rate = GENERATE(16000, 24000, 48000);
  CHECK(Encoder({.sample_rate_hz = rate}).preskip() == 312);
}

TEST_CASE("the encoder keeps to its bitrate", "[protocol][opus]") {
  const int bitrate = GENERATE(12000, 28000, 64000);
  std::mt19937 random(3);
  std::vector<std::int16_t> noise(24000 * 4);
  for (auto& sample : noise) sample = static_cast<std::int16_t>(random() % 8000);
  Encoder encoder({.bitrate = bitrate});
  std::size_t bytes = 0;
  for (const Bytes& packet : encoded(encoder, noise)) bytes += packet.size();
  CHECK(static_cast<double>(bytes) * 8 / 4 < 1.2 * bitrate);
}

TEST_CASE("a short last frame is filled up, a long one is the caller's mistake", "[protocol][opus]") {
  Encoder encoder(EncoderSettings{});
  CHECK(opus::inspect(encoder.encode(tone(440, 24000, 100)))->ms() == 20);
  CHECK_THROWS_AS(encoder.encode(tone(440, 24000, 481)), std::invalid_argument);
}

TEST_CASE("after reset() an encoder makes the packets of a new one", "[protocol][opus]") {
  const auto pcm = tone(300, 24000, 4800);
  Encoder encoder(EncoderSettings{});
  const auto first = encoded(encoder, pcm);
  encoder.reset();
  CHECK(encoded(encoder, pcm) == first);
}

TEST_CASE("settings the codec does not know throw", "[protocol][opus]") {
  CHECK_THROWS_AS(Encoder({.sample_rate_hz = 44100}), std::runtime_error);
  CHECK_THROWS_AS(Decoder(44100), std::runtime_error);
}

TEST_CASE("N7: packets of other lengths and stereo packets have exact durations", "[protocol][opus]") {
  // Codes 0-3 of RFC 6716: configuration 9 (SILK wideband 20 ms) one frame, two frames, and six frames of 1
  // byte.
  const auto bytes = [](std::initializer_list<unsigned> values) {
    Bytes made;
    for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
    return made;
  };
  CHECK(opus::inspect(bytes({0x48, 0}))->ms() == 20);
  CHECK(opus::inspect(bytes({0x49, 0, 0}))->ms() == 40);
  CHECK(opus::inspect(bytes({0x4B, 6, 0, 0, 0, 0, 0, 0}))->ms() == 120);
  CHECK(opus::inspect(bytes({0x4C, 0}))->stereo);
  CHECK(opus::inspect(bytes({0xE0, 0}))->ms() == 2.5);

  Decoder decoder(16000);
  std::vector<float> pcm;
  REQUIRE(decoder.decode(bytes({0x4C, 0}), pcm));  // stereo comes out as mono
  CHECK(pcm.size() == 320);
}

TEST_CASE("N4: bytes that are no packet are refused and add nothing", "[protocol][opus]") {
  const auto bytes = [](std::initializer_list<unsigned> values) {
    Bytes made;
    for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
    return made;
  };
  // Nothing; two equal frames of an odd number of bytes; no frame count; 140 ms; a length beyond the end.
  const Bytes packet = GENERATE_COPY(Bytes{}, bytes({0x49, 0}), bytes({0x4B}),
                                     bytes({0x4B, 7, 0, 0, 0, 0, 0, 0, 0}), bytes({0x4A, 200, 0}));
  Decoder decoder;
  std::vector<float> pcm = {0.5F};
  const Result<void> result = decoder.decode(packet, pcm);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::invalid_opus_packet);
  CHECK(result.error().param == "binary");
  CHECK(pcm.size() == 1);
}

TEST_CASE("a decoder survives random packets, and decodes good ones afterwards", "[protocol][opus]") {
  std::mt19937 random(11);
  Decoder decoder;
  std::vector<float> pcm;
  for (int i = 0; i < 500; ++i) {
    Bytes packet(1 + random() % 300);
    for (std::byte& byte : packet) byte = static_cast<std::byte>(random());
    pcm.clear();
    if (decoder.decode(packet, pcm)) {
      for (const float sample : pcm) REQUIRE(std::isfinite(sample));
    }
  }
  decoder.reset();
  Encoder encoder(EncoderSettings{});
  pcm.clear();
  for (const Bytes& packet : encoded(encoder, tone(440, 24000, 12000))) REQUIRE(decoder.decode(packet, pcm));
  CHECK(purity(std::span(pcm).subspan(1600), 440, 16000) > 0.95);
}

TEST_CASE("a missing packet is concealed with sound of its length that goes on like before",
          "[protocol][opus]") {
  Encoder encoder(EncoderSettings{});
  Decoder decoder;
  std::vector<float> pcm;
  for (const Bytes& packet : encoded(encoder, tone(200, 24000, 9600))) REQUIRE(decoder.decode(packet, pcm));
  std::vector<float> concealed;
  decoder.conceal(320, concealed);
  CHECK(concealed.size() == 320);
  CHECK(purity(concealed, 200, 16000) > 0.8);

  concealed.clear();
  decoder.conceal(3000, concealed);  // beyond what one call of the codec makes, and no multiple of 2.5 ms
  CHECK(concealed.size() == 3000);
  concealed.clear();
  decoder.conceal(3001, concealed);
  CHECK(concealed.size() == 3040);
}
