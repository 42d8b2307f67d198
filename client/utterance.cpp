#include "client/utterance.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "protocol/opus/encoder.hpp"

namespace parley::client {
namespace {

constexpr int silent_packets = 50;    // until the codec has settled: from then on one packet is like the next
constexpr double quiet_share = 0.01;  // of the loudest packet's level: -40 dB

std::vector<std::int16_t> pcm16(std::span<const float> pcm) {
  std::vector<std::int16_t> samples(pcm.size());
  std::ranges::transform(pcm, samples.begin(), [](float sample) {
    return static_cast<std::int16_t>(std::lround(std::clamp(sample, -1.0F, 1.0F) * 32767.0F));
  });
  return samples;
}

double level(std::span<const std::int16_t> pcm) {
  double sum = 0;
  for (const std::int16_t sample : pcm) sum += static_cast<double>(sample) * sample;
  return std::sqrt(sum / static_cast<double>(pcm.size()));
}

}  // namespace

Utterance::Utterance(std::span<const float> pcm) {
  if (pcm.empty()) throw std::invalid_argument("an utterance without sound gets no answer");
  protocol::opus::EncoderSettings settings;
  settings.sample_rate_hz = recording_rate_hz;
  settings.frame_ms = packet_ms;
  protocol::opus::Encoder encoder(settings);
  const auto frame = static_cast<std::size_t>(encoder.frame_samples());

  const std::vector<std::int16_t> samples = pcm16(pcm);
  std::vector<double> levels;
  for (std::size_t at = 0; at < samples.size(); at += frame) {
    const auto one = std::span(samples).subspan(at, std::min(frame, samples.size() - at));
    packets_.push_back(encoder.encode(one));
    levels.push_back(level(one));
  }
  const double quiet = quiet_share * *std::ranges::max_element(levels);
  if (quiet == 0) throw std::invalid_argument("an utterance of nothing but silence gets no answer");
  const auto last_loud =
      std::find_if(levels.rbegin(), levels.rend(), [&](double one) { return one > quiet; });
  end_of_speech_ = static_cast<std::size_t>(levels.rend() - last_loud);
  for (int i = 0; i < silent_packets; ++i) silence_.push_back(encoder.encode({}));
}

protocol::ByteView Utterance::packet(std::size_t index) const {
  if (index < packets_.size()) return packets_[index];
  return silence_[std::min(index - packets_.size(), silence_.size() - 1)];
}

}  // namespace parley::client
