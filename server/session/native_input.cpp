// Tested by test/server/session/audio_test.cpp.
#include "server/session/native_input.hpp"

#include "protocol/opus/packet.hpp"
#include "server/session/samples.hpp"

namespace parley::server {
namespace {

using protocol::native::units_per_ms;

constexpr int units_per_sample = 3;  // 48 kHz units in a sample at 16 kHz
constexpr int smallest_gap = 120;    // 2.5 ms: less is rounding
constexpr int concealed_gap = 120 * units_per_ms;
constexpr int silent_gap = 2000 * units_per_ms;
constexpr auto between_errors = std::chrono::seconds(1);

}  // namespace

NativeInput::Heard NativeInput::take(const protocol::native::Frame& frame, conversation::Time now) {
  Heard heard;
  ++stats_.packets;
  if (!follow(frame, heard)) return heard;
  if (frame.payload.empty()) {  // the end mark alone
    last_units_ = 0;
    return heard;
  }
  if (!frame.pcm && !decoder_) decoder_.emplace(16000);
  const int units = frame.pcm ? decode_pcm(frame.payload, heard.pcm) : decode(frame.payload, heard.pcm);
  if (units > 0) {
    last_units_ = units;
    bad_in_a_row_ = 0;
    return heard;
  }
  ++stats_.decode_errors;
  ++bad_in_a_row_;
  if (decoder_) decoder_->conceal(last_units_ / units_per_sample, heard.pcm);
  if (!last_error_ || now - *last_error_ >= between_errors) {
    last_error_ = now;
    heard.error = protocol::invalid_opus_packet("The payload is not an Opus packet.");
  }
  return heard;
}

// Places the packet behind the last one; false: it is to be dropped.
bool NativeInput::follow(const protocol::native::Frame& frame, Heard& heard) {
  if (!parameters_.header) return true;
  const bool first = !heard_any_;
  if (frame.start || first) {
    heard.gap = frame.start && !first;
    begin_anew();
  } else {
    const auto step = static_cast<std::int32_t>(frame.timestamp - last_timestamp_);
    if (step <= 0 || frame.seq == last_seq_) {
      ++stats_.late;
      return false;
    }
    stats_.lost += static_cast<std::uint16_t>(frame.seq - last_seq_ - 1);
    const int gap = step - last_units_;
    if (gap > silent_gap) {
      heard.gap = true;
      begin_anew();
    } else if (gap > concealed_gap || (gap >= smallest_gap && !decoder_)) {
      heard.pcm.resize(static_cast<std::size_t>(gap / units_per_sample));
    } else if (gap >= smallest_gap) {
      decoder_->conceal(gap / units_per_sample, heard.pcm);
    }
  }
  heard_any_ = true;
  last_seq_ = frame.seq;
  last_timestamp_ = frame.timestamp;
  return true;
}

int NativeInput::decode(protocol::ByteView packet, std::vector<float>& pcm) {
  const auto info = protocol::opus::inspect(packet);
  if (!info || !decoder_->decode(packet, pcm)) return 0;
  return info->units;
}

int NativeInput::decode_pcm(protocol::ByteView payload, std::vector<float>& pcm) {
  if (!resampler_) resampler_.emplace(parameters_.rate, 16000);
  const auto samples = samples_of(payload);
  const auto heard = resampler_->push(std::span<const std::int16_t>(samples));
  pcm.insert(pcm.end(), heard.begin(), heard.end());
  return static_cast<int>(samples.size()) * (48000 / parameters_.rate);
}

void NativeInput::begin_anew() {
  if (decoder_) decoder_->reset();
  if (resampler_) resampler_->reset();
}

}  // namespace parley::server
