// What a client may say: one struct a `type` of protocol.md 4 and 9.4, decoded and checked as far as that is
// possible without knowing the session.
//
//   input_audio_buffer.append  ->  InputAudioBufferAppend       conversation.item.create  ->
//   ConversationItemCreate
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/bytes.hpp"
#include "protocol/realtime/item.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/session_update.hpp"

namespace parley::protocol {

struct SessionUpdate {
  SessionChanges session = {};
};

struct InputAudioBufferAppend {
  Bytes audio = {};  // in the session's input format; an odd byte of PCM16 belongs to the next append
};
struct InputAudioBufferCommit {};
struct InputAudioBufferClear {};

struct ConversationItemCreate {
  Item item = {};  // status and id as sent; an empty id is for the server to fill
  std::optional<std::string> previous_item_id = {};  // empty: append; "root": insert first
};
struct ConversationItemRetrieve {
  std::string item_id = {};
};
struct ConversationItemDelete {
  std::string item_id = {};
};
struct ConversationItemTruncate {
  std::string item_id = {};
  int content_index = 0;
  int audio_end_ms = 0;  // inclusive, >= 0
};

struct ResponseCreate {
  ResponseParameters response = {};
};
struct ResponseCancel {
  std::optional<std::string> response_id = {};  // empty: the active one
};

// ---- only in native mode; see needs_native_mode()

struct OutputAudioBufferClear {};  // stop playback: flush everything queued, cancel the active response

struct NativePlaybackFlushed {
  int stream = 0;
  int played_ms = 0;  // exactly what was heard
};
struct NativePlaybackReport {
  enum class State { started, playing, ended, underrun };
  int stream = 0;
  State state = State::playing;
  int played_ms = 0;
  int buffered_ms = 0;
};
struct NativePing {
  RawJson t = {};  // a number of the client's, echoed as it came
};

// A variant that is copied, moved and destroyed in client_event.cpp: each of these is hundreds of functions,
// which would else be compiled in every file that hands one on.
struct ClientEventBody
    : std::variant<SessionUpdate, InputAudioBufferAppend, InputAudioBufferCommit, InputAudioBufferClear,
                   ConversationItemCreate, ConversationItemRetrieve, ConversationItemDelete,
                   ConversationItemTruncate, ResponseCreate, ResponseCancel, OutputAudioBufferClear,
                   NativePlaybackFlushed, NativePlaybackReport, NativePing> {
  using variant::variant;
  ClientEventBody(const ClientEventBody& other);
  ClientEventBody(ClientEventBody&& other) noexcept;
  ClientEventBody& operator=(const ClientEventBody& other);
  ClientEventBody& operator=(ClientEventBody&& other) noexcept;
  ~ClientEventBody();
};

struct ClientEvent {
  std::optional<std::string> event_id = {};  // echoed in an `error` that this event causes
  ClientEventBody body;
};

std::string_view type_of(const ClientEventBody& body);  // "session.update"

// True for the events above that exist only in native mode. Decoding accepts them always, as it knows no
// session: the conversation answers unknown_event_type(type_of(body), false) when the mode is off.
bool needs_native_mode(const ClientEventBody& body);

}  // namespace parley::protocol
