// Tested by test/server/session/audio_test.cpp.
#include "server/session/appended_audio.hpp"

#include "protocol/g711/g711.hpp"
#include "server/conversation/turn_detector.hpp"
#include "server/session/samples.hpp"

namespace parley::server {

using protocol::AudioFormat;
namespace g711 = protocol::g711;

InputPcm AppendedAudio::push(protocol::ByteView bytes, const AudioFormat& format) {
  if (!resampler_ || format != format_) {
    format_ = format;
    resampler_.emplace(format.rate, conversation::input_sample_rate_hz);
    spare_.reset();
  }
  std::vector<std::int16_t> samples;
  if (format.encoding == AudioFormat::Encoding::pcm) {
    protocol::Bytes joined;
    if (spare_ && !bytes.empty()) {
      joined.reserve(bytes.size() + 1);
      joined.push_back(*spare_);
      joined.insert(joined.end(), bytes.begin(), bytes.end());
      bytes = joined;
      spare_.reset();
    }
    if (bytes.size() % 2 != 0) spare_ = bytes.back();
    samples = samples_of(bytes);
  } else {
    samples =
        g711::decode(format.encoding == AudioFormat::Encoding::pcmu ? g711::Law::mu : g711::Law::a, bytes);
  }
  const double ms = static_cast<double>(samples.size()) * 1000 / format.rate;
  return {resampler_->push(std::span<const std::int16_t>(samples)), ms};
}

InputPcm AppendedAudio::finish() {
  if (!resampler_) return {};
  return {resampler_->finish(), 0};
}

void AppendedAudio::reset() {
  resampler_.reset();
  spare_.reset();
}

}  // namespace parley::server
