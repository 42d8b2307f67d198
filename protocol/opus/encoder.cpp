#include "protocol/opus/encoder.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace parley::protocol::opus {
namespace {

void check(int result, const char* doing) {
  if (result < 0)
    throw std::runtime_error(std::string("Opus encoder, ") + doing + ": " + opus_strerror(result));
}

}  // namespace

void Encoder::Destroy::operator()(OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }

Encoder::Encoder(const EncoderSettings& settings) : settings_(settings) {
  const bool voip = settings.application == EncoderSettings::Application::voip;
  int error = OPUS_OK;
  encoder_.reset(opus_encoder_create(settings.sample_rate_hz, /*channels=*/1,
                                     voip ? OPUS_APPLICATION_VOIP : OPUS_APPLICATION_AUDIO, &error));
  check(error, "sample rate");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_BITRATE(settings.bitrate)), "bitrate");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_COMPLEXITY(settings.complexity)), "complexity");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)), "signal");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_VBR(1)), "variable bitrate");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_INBAND_FEC(0)), "error correction");
  check(opus_encoder_ctl(encoder_.get(), OPUS_SET_DTX(0)), "discontinuous transmission");

  int lookahead = 0;  // samples at the encoder's rate
  check(opus_encoder_ctl(encoder_.get(), OPUS_GET_LOOKAHEAD(&lookahead)), "lookahead");
  preskip_ = lookahead * (48000 / settings.sample_rate_hz);
}

Bytes Encoder::encode(std::span<const std::int16_t> pcm) {
  const auto samples = static_cast<std::size_t>(frame_samples());
  if (pcm.size() > samples)
    throw std::invalid_argument("Opus encoder: a frame has " + std::to_string(samples) + " samples, not " +
                                std::to_string(pcm.size()));
  std::vector<std::int16_t> filled;
  if (pcm.size() < samples) {
    filled.assign(pcm.begin(), pcm.end());
    filled.resize(samples);
    pcm = filled;
  }
  std::array<unsigned char, 4096> packet;  // more than 60 ms at any bitrate of ours take
  const opus_int32 size = opus_encode(encoder_.get(), pcm.data(), static_cast<int>(samples), packet.data(),
                                      static_cast<opus_int32>(packet.size()));
  check(size, "encoding");
  const auto bytes = std::as_bytes(std::span(packet).first(static_cast<std::size_t>(size)));
  return {bytes.begin(), bytes.end()};
}

void Encoder::reset() { opus_encoder_ctl(encoder_.get(), OPUS_RESET_STATE); }

}  // namespace parley::protocol::opus
