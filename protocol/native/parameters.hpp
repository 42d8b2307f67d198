// `session.native`: what a client and we agree on for binary audio (protocol.md 9.2).
#pragma once

#include <optional>

#include "protocol/realtime/error.hpp"

namespace parley::protocol::native {

enum class Codec { opus, pcm16 };
enum class PlaybackReport { header, events, none };  // how the client tells what it has played

// Binary frames from the client.
struct InputParameters {
  Codec codec = Codec::opus;
  int rate = 48000;    // Hz; true for pcm16, informative for Opus
  int channels = 1;    // what the decoder makes of them; stereo packets are mixed down
  int frame_ms = 20;   // advisory: each packet tells its own length
  bool header = true;  // the 16-byte header precedes each packet
  bool operator==(const InputParameters&) const = default;
};

// Binary frames to the client.
struct OutputParameters {
  Codec codec = Codec::opus;
  int rate = 24000;  // Hz, mono: what the encoder is given; a decoder may use any rate
  int frame_ms = 20;
  bool header = true;
  int bitrate = 28000;  // bit/s
  bool operator==(const OutputParameters&) const = default;
};

struct Parameters {
  InputParameters input = {};
  OutputParameters output = {};
  bool json_audio = false;  // also send response.output_audio.delta
  int lead_ms = 1500;       // audio sent ahead of real time at most; 0: not paced
  PlaybackReport playback = PlaybackReport::events;
  bool operator==(const Parameters&) const = default;
};

// What a `session.update` says about them: only what it names.
struct ParametersUpdate {
  struct Input {
    std::optional<Codec> codec = {};
    std::optional<int> rate = {};
    std::optional<int> channels = {};
    std::optional<int> frame_ms = {};
    std::optional<bool> header = {};
  };
  struct Output {
    std::optional<Codec> codec = {};
    std::optional<int> rate = {};
    std::optional<int> frame_ms = {};
    std::optional<int> bitrate = {};
    std::optional<bool> header = {};
  };
  Input input = {};
  Output output = {};
  std::optional<bool> json_audio = {};
  std::optional<int> lead_ms = {};
  std::optional<PlaybackReport> playback = {};
};

// What may change now: a direction's parameters only while nothing flows in it.
struct Quiet {
  bool input = true;   // the input buffer is empty
  bool output = true;  // no response is active
};

// `current` with the update's values, each checked against 9.2. Errors name the field:
// "session.native.output.rate".
Result<Parameters> updated(const Parameters& current, const ParametersUpdate& update, Quiet quiet);

}  // namespace parley::protocol::native
