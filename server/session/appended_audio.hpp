// The user's audio as input_audio_buffer.append brings it, made into what a conversation hears.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/audio/resampler.hpp"
#include "protocol/bytes.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::server {

// 16 kHz mono, and how long it is by the client's own samples.
struct InputPcm {
  std::vector<float> pcm;
  double ms = 0;
};

// One stream of bytes in any of the session's input formats. A sample may be split between two appends.
class AppendedAudio {
 public:
  InputPcm push(protocol::ByteView bytes, const protocol::AudioFormat& format);
  InputPcm finish();  // the end that the resampler still holds; the next push starts a new stream
  void reset();       // forgets it

 private:
  protocol::AudioFormat format_;
  std::optional<engine::Resampler> resampler_;
  std::optional<std::byte> spare_;  // first half of a PCM16 sample
};

}  // namespace parley::server
