#include "protocol/opus/decoder.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "protocol/opus/packet.hpp"

namespace parley::protocol::opus {

void Decoder::Destroy::operator()(OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }

Decoder::Decoder(int sample_rate_hz) : sample_rate_hz_(sample_rate_hz) {
  int error = OPUS_OK;
  decoder_.reset(opus_decoder_create(sample_rate_hz, /*channels=*/1, &error));
  if (error != OPUS_OK)
    throw std::runtime_error("Opus decoder at " + std::to_string(sample_rate_hz) +
                             " Hz: " + opus_strerror(error));
}

Result<void> Decoder::decode(ByteView packet, std::vector<float>& pcm) {
  const std::optional<PacketInfo> info = inspect(packet);
  if (!info) return invalid_opus_packet("The payload is not an Opus packet.");
  const int samples = info->units * (sample_rate_hz_ / 1000) / 48;
  const std::size_t start = pcm.size();
  pcm.resize(start + static_cast<std::size_t>(samples));
  const int decoded = opus_decode_float(decoder_.get(), reinterpret_cast<const unsigned char*>(packet.data()),
                                        static_cast<opus_int32>(packet.size()), pcm.data() + start, samples,
                                        /*decode_fec=*/0);
  pcm.resize(start + static_cast<std::size_t>(std::max(decoded, 0)));
  if (decoded >= 0) return {};
  return invalid_opus_packet(std::string("The Opus packet cannot be decoded: ") + opus_strerror(decoded) +
                             ".");
}

void Decoder::conceal(int samples, std::vector<float>& pcm) {
  const int step = sample_rate_hz_ / 400;
  const int longest = sample_rate_hz_ * 120 / 1000;  // that one call makes
  int left = std::min((samples + step - 1) / step * step, sample_rate_hz_);
  while (left > 0) {
    const int piece = std::min(left, longest);
    const std::size_t start = pcm.size();
    pcm.resize(start + static_cast<std::size_t>(piece));
    float* to = pcm.data() + start;
    const int made = opus_decode_float(decoder_.get(), nullptr, 0, to, piece, /*decode_fec=*/0);
    if (made < 0) std::fill_n(to, piece, 0.0F);  // a gap that cannot be filled is silent
    left -= piece;
  }
}

void Decoder::reset() { opus_decoder_ctl(decoder_.get(), OPUS_RESET_STATE); }

}  // namespace parley::protocol::opus
