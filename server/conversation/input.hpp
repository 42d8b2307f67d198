// What can happen to a conversation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/turn.hpp"
#include "protocol/realtime/client_event.hpp"
#include "protocol/realtime/error.hpp"
#include "server/conversation/turn_detector.hpp"

namespace parley::conversation {

// The connection stands: greet the client. Always the first input.
struct Opened {};

// A text message that was understood. input_audio_buffer.append does not come this way: the session decodes
// and resamples its audio and gives UserAudio.
using protocol::ClientEvent;

// A message, text or binary, that was not: the client is told, and too many of them close the connection.
struct Rejected {
  protocol::Error error;
};

// More of the user's audio, 16 kHz mono, -1..1. `ms` is its exact length before resampling.
struct UserAudio {
  std::vector<float> pcm;
  double ms = 0;
  bool binary = false;                  // came as native packets, not by input_audio_buffer.append
  std::optional<std::string> event_id;  // of the append
};
// The client's audio stopped for more than 2 s, or a packet with the START flag began anew (protocol.md 9.5).
struct UserAudioGap {};

// Speech probability of the window of 512 samples that ends at `end`; every window of what UserAudio gave, in
// order, while Conversation::detects_speech().
struct VoiceActivity {
  float probability = 0;
  AudioPosition end = 0;
};

// From the header of a native input packet: what was being played when it was recorded (protocol.md 9.3).
struct PlayoutPosition {
  std::uint32_t stream = 0;
  std::uint32_t position = 0;  // 48 kHz units
};

// After a Purge: so much audio of the stream had been given to the session and was never written.
struct AudioDropped {
  std::uint32_t stream = 0;
  double ms = 0;
};

// What the key's budget looks like, for rate_limits.updated. remaining_requests 0 refuses the next response.
struct Budget {
  int limit_requests = 0;
  int remaining_requests = 0;
  int limit_tokens = 0;
  int remaining_tokens = 0;
  double reset_seconds = 0;
};

// Time has passed: due at Conversation::deadline(), harmless at any other moment.
struct Tick {};

// The server is going down: no new responses; closes with 1012 when the running one has ended, or after 10 s.
struct Drain {};

// The client does not read: the response fails and the connection closes.
struct SlowConsumer {};

// A variant that is copied, moved and destroyed in input.cpp: each of these is hundreds of functions, which
// would else be compiled in every file that hands one on.
struct Input : std::variant<Opened, ClientEvent, Rejected, UserAudio, UserAudioGap, VoiceActivity,
                            PlayoutPosition, AudioDropped, Budget, engine::Event, Tick, Drain, SlowConsumer> {
  using variant::variant;
  Input(const Input& other);
  Input(Input&& other) noexcept;
  Input& operator=(const Input& other);
  Input& operator=(Input&& other) noexcept;
  ~Input();
};

}  // namespace parley::conversation
