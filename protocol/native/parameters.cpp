#include "protocol/native/parameters.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

namespace parley::protocol::native {
namespace {

// Both ends included.
struct Range {
  int least;
  int most;
};

constexpr std::array input_rates = {8000, 12000, 16000, 24000, 48000};
constexpr std::array input_frames = {10, 20, 40, 60};
constexpr std::array output_rates = {16000, 24000, 48000};
constexpr std::array output_frames = {20, 40, 60};
constexpr std::array channel_counts = {1};
constexpr Range bitrates = {8000, 96000};
constexpr Range leads = {0, 60'000};

Result<void> among(int value, std::span<const int> supported, std::string param) {
  if (std::find(supported.begin(), supported.end(), value) != supported.end()) return {};
  std::vector<std::string> texts;
  for (const int each : supported) texts.push_back(std::to_string(each));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return unsupported_value(std::move(param), std::to_string(value), views);
}

Result<void> within(int value, Range range, std::string param) {
  if (value >= range.least && value <= range.most) return {};
  return invalid_value(std::move(param), "Invalid value: " + std::to_string(value) +
                                             ". Expected a value between " + std::to_string(range.least) +
                                             " and " + std::to_string(range.most) + ".");
}

template <typename T>
void take(T& current, const std::optional<T>& change) {
  if (change) current = *change;
}

Parameters merged(Parameters parameters, const ParametersUpdate& update) {
  take(parameters.input.codec, update.input.codec);
  take(parameters.input.rate, update.input.rate);
  take(parameters.input.channels, update.input.channels);
  take(parameters.input.frame_ms, update.input.frame_ms);
  take(parameters.input.header, update.input.header);
  take(parameters.output.codec, update.output.codec);
  take(parameters.output.rate, update.output.rate);
  take(parameters.output.frame_ms, update.output.frame_ms);
  take(parameters.output.bitrate, update.output.bitrate);
  take(parameters.output.header, update.output.header);
  take(parameters.json_audio, update.json_audio);
  take(parameters.lead_ms, update.lead_ms);
  take(parameters.playback, update.playback);
  return parameters;
}

}  // namespace

Result<Parameters> updated(const Parameters& current, const ParametersUpdate& update, Quiet quiet) {
  const Parameters next = merged(current, update);
  for (const Result<void>& checked :
       {among(next.input.rate, input_rates, "session.native.input.rate"),
        among(next.input.channels, channel_counts, "session.native.input.channels"),
        among(next.input.frame_ms, input_frames, "session.native.input.frame_ms"),
        among(next.output.rate, output_rates, "session.native.output.rate"),
        among(next.output.frame_ms, output_frames, "session.native.output.frame_ms"),
        within(next.output.bitrate, bitrates, "session.native.output.bitrate"),
        within(next.lead_ms, leads, "session.native.lead_ms")})
    if (!checked) return checked.error();
  // Bare frames carry no play-out position.
  if (next.playback == PlaybackReport::header && !next.input.header)
    return invalid_value("session.native.playback",
                         "Playback cannot be reported by headers that are switched off.");
  if (!quiet.input && next.input != current.input)
    return invalid_value("session.native.input",
                         "Input parameters can be changed only while the input buffer is empty.");
  if (!quiet.output && next.output != current.output)
    return invalid_value("session.native.output", "Output parameters can be changed only between responses.");
  return next;
}

}  // namespace parley::protocol::native
