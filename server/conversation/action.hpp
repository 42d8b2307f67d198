// What a conversation wants done. The session performs actions in order; none of them waits for another
// input.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/turn.hpp"
#include "protocol/realtime/server_event.hpp"
#include "server/conversation/output_stream.hpp"

namespace parley::conversation {

// ---- to the client

struct Send {
  protocol::ServerEvent event;
};

// Audio of the answer, 24 kHz mono. `as_delta`: as a response.output_audio.delta in `format` (resampled where
// that is G.711). `as_packet`: as one binary message with the native header, resampled and encoded as
// negotiated; a packet without samples is the end mark alone, and is not sent where headers are off. Both
// when the client asked for json_audio.
struct SendAudio {
  std::uint32_t stream = 0;  // counts output streams from 1; a new one means a new encoder and resampler
  OutputPacket packet;
  bool as_delta = true;
  bool as_packet = false;
  protocol::PartRef part;
  protocol::AudioFormat format;
};

// Drop what is queued of this stream, text and binary, before anything else is sent; answer with
// AudioDropped.
struct Purge {
  std::uint32_t stream = 0;
};

// Nothing follows it. Write what is queued, then close the socket.
struct Close {
  std::uint16_t code = 1000;
  std::string reason;
};

// ---- to the engine; the session knows the dialogue and fills it in

struct Hear {
  std::string item_id;
  std::vector<float> pcm;  // 16 kHz mono
};
// Audio that came inside an item (conversation.item.create): decode it from the session's input format,
// resample it, and let the engine hear it under this id.
struct HearRecording {
  std::string item_id;
  protocol::Bytes audio;
};
struct Forget {
  std::string item_id;
};
struct StartTurn {
  engine::TurnRequest request;  // with its turn id; without the dialogue
};
struct CommitTurn {
  engine::TurnId turn = 0;
  engine::Clock::time_point turn_end{};
};
struct CancelTurn {
  engine::TurnId turn = 0;
};
struct ReportHeard {
  engine::TurnId turn = 0;
  double heard_ms = 0;
};

// A variant that is copied, moved and destroyed in action.cpp: each of these is hundreds of functions, which
// would else be compiled in every file that hands one on.
struct Action : std::variant<Send, SendAudio, Purge, Close, Hear, HearRecording, Forget, StartTurn,
                             CommitTurn, CancelTurn, ReportHeard> {
  using variant::variant;
  Action(const Action& other);
  Action(Action&& other) noexcept;
  Action& operator=(const Action& other);
  Action& operator=(Action&& other) noexcept;
  ~Action();
};
using Actions = std::vector<Action>;

}  // namespace parley::conversation
