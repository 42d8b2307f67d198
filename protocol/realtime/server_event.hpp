// What we say: one struct a `type` of protocol.md 5 and 9.4.
//
// `item` objects leave their audio bytes out, except in ConversationItemRetrieved. Ids and indexes name what
// an event is about: response_id, item_id, output_index (counts per response), content_index (counts per
// item).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/native/parameters.hpp"
#include "protocol/realtime/error.hpp"
#include "protocol/realtime/item.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::protocol {

struct SessionCreated {
  Session session = {};
};
struct SessionUpdated {
  Session session = {};
};

// ---- conversation

struct ConversationItemAdded {
  Item item = {};
  std::optional<std::string> previous_item_id = {};  // null: the first of the conversation
};
struct ConversationItemDone {
  Item item = {};
  std::optional<std::string> previous_item_id = {};
};
struct ConversationItemRetrieved {
  Item item = {};  // with the audio it holds
};
struct ConversationItemDeleted {
  std::string item_id = {};
};
struct ConversationItemTruncated {
  std::string item_id = {};
  int content_index = 0;
  int audio_end_ms = 0;
};

struct InputAudioTranscriptionDelta {
  std::string item_id = {};
  int content_index = 0;
  std::string delta = {};
};
struct InputAudioTranscriptionCompleted {
  std::string item_id = {};
  int content_index = 0;
  std::string transcript = {};  // "" for silence
  double seconds = 0;           // of audio; becomes usage {"type":"duration"}
};
struct InputAudioTranscriptionFailed {
  std::string item_id = {};
  int content_index = 0;
  Error error = {};
};

// ---- input audio buffer; times count from the first sample of the session, ms

struct SpeechStarted {
  std::string item_id = {};
  std::int64_t audio_start_ms = 0;
};
struct SpeechStopped {
  std::string item_id = {};
  std::int64_t audio_end_ms = 0;
};
struct InputAudioBufferCommitted {
  std::string item_id = {};
  std::optional<std::string> previous_item_id = {};
};
struct InputAudioBufferCleared {};
struct InputAudioBufferTimeoutTriggered {
  std::string item_id = {};
  std::int64_t audio_start_ms = 0;
  std::int64_t audio_end_ms = 0;
};

// ---- response

// Which content part of which item of which response.
struct PartRef {
  std::string response_id = {};
  std::string item_id = {};
  int output_index = 0;
  int content_index = 0;
  bool operator==(const PartRef&) const = default;
};

// A content part as response.content_part.* show it: {"type":"audio","transcript"} or {"type":"text","text"}.
struct ResponsePart {
  Modality modality = Modality::audio;
  std::string text = {};  // the transcript, with audio
  bool operator==(const ResponsePart&) const = default;
};

struct ResponseCreated {
  Response response = {};
};
struct ResponseDone {
  Response response = {};
};
struct ResponseOutputItemAdded {
  std::string response_id = {};
  int output_index = 0;
  Item item = {};  // a message has no content yet
};
struct ResponseOutputItemDone {
  std::string response_id = {};
  int output_index = 0;
  Item item = {};
};
struct ResponseContentPartAdded {
  PartRef ref = {};
  ResponsePart part = {};
};
struct ResponseContentPartDone {
  PartRef ref = {};
  ResponsePart part = {};
};
struct ResponseOutputAudioDelta {
  PartRef ref = {};
  Bytes audio = {};  // in the response's output format; becomes base64 as it is written
};
struct ResponseOutputAudioDone {
  PartRef ref = {};
};
struct ResponseOutputAudioTranscriptDelta {
  PartRef ref = {};
  std::string delta = {};
};
struct ResponseOutputAudioTranscriptDone {
  PartRef ref = {};
  std::string transcript = {};
};
struct ResponseOutputTextDelta {
  PartRef ref = {};
  std::string delta = {};
};
struct ResponseOutputTextDone {
  PartRef ref = {};
  std::string text = {};
};
struct ResponseFunctionCallArgumentsDelta {
  std::string response_id = {};
  std::string item_id = {};
  int output_index = 0;
  std::string call_id = {};
  std::string delta = {};
};
struct ResponseFunctionCallArgumentsDone {
  std::string response_id = {};
  std::string item_id = {};
  int output_index = 0;
  std::string call_id = {};
  std::string name = {};
  std::string arguments = {};
};

// ---- the connection

struct RateLimit {
  enum class Name { requests, tokens };
  Name name = Name::requests;
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  double reset_seconds = 0;
};
struct RateLimitsUpdated {
  std::vector<RateLimit> rate_limits = {};
};

struct ErrorEvent {
  Error error = {};
};

// ---- only in native mode

struct NativeOutputStreamStarted {
  int stream = 0;
  PartRef ref = {};
  native::Codec codec = native::Codec::opus;
  int rate = 24000;
  int channels = 1;
  int frame_ms = 20;
  int preskip = 0;  // 48 kHz units that the client drops at the start of decoding
};
struct NativeOutputStreamDone {
  enum class Reason { completed, cancelled, failed };
  int stream = 0;
  std::int64_t frames = 0;
  std::int64_t duration_ms = 0;
  Reason reason = Reason::completed;
};
struct NativeOutputStreamFlush {
  enum class Reason { turn_detected, client_cancelled, cleared, superseded };
  int stream = 0;
  Reason reason = Reason::turn_detected;
};
struct NativePong {
  RawJson t = {};  // the client's, echoed
  std::int64_t server_ms = 0;
};
struct NativeInputStats {
  std::int64_t packets = 0;
  std::int64_t lost = 0;
  std::int64_t late = 0;
  std::int64_t decode_errors = 0;
  int buffered_ms = 0;
};

// A variant that is copied, moved and destroyed in server_event.cpp: each of these is hundreds of functions,
// which would else be compiled in every file that hands one on.
struct ServerEventBody
    : std::variant<
          SessionCreated, SessionUpdated, ConversationItemAdded, ConversationItemDone,
          ConversationItemRetrieved, ConversationItemDeleted, ConversationItemTruncated,
          InputAudioTranscriptionDelta, InputAudioTranscriptionCompleted, InputAudioTranscriptionFailed,
          SpeechStarted, SpeechStopped, InputAudioBufferCommitted, InputAudioBufferCleared,
          InputAudioBufferTimeoutTriggered, ResponseCreated, ResponseDone, ResponseOutputItemAdded,
          ResponseOutputItemDone, ResponseContentPartAdded, ResponseContentPartDone, ResponseOutputAudioDelta,
          ResponseOutputAudioDone, ResponseOutputAudioTranscriptDelta, ResponseOutputAudioTranscriptDone,
          ResponseOutputTextDelta, ResponseOutputTextDone, ResponseFunctionCallArgumentsDelta,
          ResponseFunctionCallArgumentsDone, RateLimitsUpdated, ErrorEvent, NativeOutputStreamStarted,
          NativeOutputStreamDone, NativeOutputStreamFlush, NativePong, NativeInputStats> {
  using variant::variant;
  ServerEventBody(const ServerEventBody& other);
  ServerEventBody(ServerEventBody&& other) noexcept;
  ServerEventBody& operator=(const ServerEventBody& other);
  ServerEventBody& operator=(ServerEventBody&& other) noexcept;
  ~ServerEventBody();
};

struct ServerEvent {
  std::string event_id = {};  // event_...; unique in the session
  ServerEventBody body;
};

std::string_view type_of(const ServerEventBody& body);  // "session.created"

}  // namespace parley::protocol
