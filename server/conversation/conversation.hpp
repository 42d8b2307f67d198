// What is said over one connection: the whole protocol between its handshake and its close, as a state
// machine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/realtime/ids.hpp"
#include "protocol/realtime/session.hpp"
#include "server/conversation/action.hpp"
#include "server/conversation/input.hpp"
#include "server/conversation/playback.hpp"
#include "server/conversation/settings.hpp"
#include "server/conversation/speculation.hpp"

namespace parley::conversation {

// What happened, for metrics; counts only grow.
struct ConversationCounts {
  Speculation::Counts speculation;
  std::uint64_t responses = 0;
  std::uint64_t interruptions = 0;  // responses that the user talked over
  std::uint64_t errors = 0;         // `error` events sent
  std::uint64_t late_events = 0;    // of turns that were already over, and so dropped
};

// Time, randomness and turn ids come from outside, so a conversation can be replayed. The session
//   - calls on() for whatever happens and performs the actions it returns, in order;
//   - calls on(Tick{}) at deadline(), which may change with every on();
//   - decodes and resamples the user's audio into UserAudio, and while detects_speech() has every window of
//   it judged
//     (VoiceActivity), both in order;
//   - encodes what SendAudio carries.
// Not thread-safe; lives on the session's strand. Never throws for anything a client or the engine may do.
class Conversation {
 public:
  struct Sources {
    protocol::IdGenerator ids;
    std::function<engine::TurnId()> turn_ids;  // Engine::next_turn_id
  };

  // `session`: what the client gets if it asks for nothing: the server's defaults, the client secret's,
  // native mode if the handshake chose it, id and expires_at. `settings` must outlive the conversation.
  Conversation(const ConversationSettings& settings, protocol::Session session, Sources sources);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Actions on(Input input, Time now);

  std::optional<Time> deadline() const;

  const protocol::Session& session() const;  // formats and native parameters as they are now
  bool detects_speech() const;               // server_vad or semantic_vad is on
  bool response_active() const;              // of any kind, as the client sees it
  bool closed() const;                       // Close was asked for; further inputs do nothing
  ConversationCounts counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::conversation
