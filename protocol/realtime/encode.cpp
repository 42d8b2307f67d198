#include "protocol/base64/base64.hpp"
#include "protocol/realtime/codec.hpp"
#include "protocol/realtime/encode_objects.hpp"
#include "protocol/realtime/json_writer.hpp"
#include "protocol/realtime/names.hpp"

namespace parley::protocol {
namespace {

// ---- the members of each event after `type` and `event_id`

void write_ref(JsonWriter& json, const PartRef& ref) {
  json.member("response_id", ref.response_id).member("item_id", ref.item_id);
  json.member("output_index", ref.output_index).member("content_index", ref.content_index);
}

void write_part(JsonWriter& json, const ResponsePart& part) {
  const bool audio = part.modality == Modality::audio;
  json.key("part").begin_object().member("type", name_of(part.modality));
  json.member(audio ? "transcript" : "text", part.text).end_object();
}

void write_item(JsonWriter& json, const Item& item, WithAudio with_audio = WithAudio::no) {
  write(json.key("item"), item, with_audio);
}

void write_about(JsonWriter& json, std::string_view item_id, int content_index) {
  json.member("item_id", item_id).member("content_index", content_index);
}

void members(JsonWriter& json, const SessionCreated& event) { write(json.key("session"), event.session); }
void members(JsonWriter& json, const SessionUpdated& event) { write(json.key("session"), event.session); }

void members(JsonWriter& json, const ConversationItemAdded& event) {
  json.member("previous_item_id", event.previous_item_id);
  write_item(json, event.item);
}
void members(JsonWriter& json, const ConversationItemDone& event) {
  json.member("previous_item_id", event.previous_item_id);
  write_item(json, event.item);
}
void members(JsonWriter& json, const ConversationItemRetrieved& event) {
  write_item(json, event.item, WithAudio::yes);
}
void members(JsonWriter& json, const ConversationItemDeleted& event) {
  json.member("item_id", event.item_id);
}
void members(JsonWriter& json, const ConversationItemTruncated& event) {
  write_about(json, event.item_id, event.content_index);
  json.member("audio_end_ms", event.audio_end_ms);
}

void members(JsonWriter& json, const InputAudioTranscriptionDelta& event) {
  write_about(json, event.item_id, event.content_index);
  json.member("delta", event.delta);
}
void members(JsonWriter& json, const InputAudioTranscriptionCompleted& event) {
  write_about(json, event.item_id, event.content_index);
  json.member("transcript", event.transcript);
  json.key("usage").begin_object().member("type", "duration").member("seconds", event.seconds).end_object();
}
void members(JsonWriter& json, const InputAudioTranscriptionFailed& event) {
  write_about(json, event.item_id, event.content_index);
  const Error& error =
      event.error;  // clients drop the event for a null in here: what is not known is left out
  json.key("error")
      .begin_object()
      .member("type", to_string(error.type()))
      .member("code", to_string(error.code));
  json.member("message", error.message).member_if("param", error.param).end_object();
}

void members(JsonWriter& json, const SpeechStarted& event) {
  json.member("audio_start_ms", event.audio_start_ms).member("item_id", event.item_id);
}
void members(JsonWriter& json, const SpeechStopped& event) {
  json.member("audio_end_ms", event.audio_end_ms).member("item_id", event.item_id);
}
void members(JsonWriter& json, const InputAudioBufferCommitted& event) {
  json.member("previous_item_id", event.previous_item_id).member("item_id", event.item_id);
}
void members(JsonWriter&, const InputAudioBufferCleared&) {}
void members(JsonWriter& json, const InputAudioBufferTimeoutTriggered& event) {
  json.member("audio_start_ms", event.audio_start_ms).member("audio_end_ms", event.audio_end_ms);
  json.member("item_id", event.item_id);
}

void members(JsonWriter& json, const ResponseCreated& event) { write(json.key("response"), event.response); }
void members(JsonWriter& json, const ResponseDone& event) { write(json.key("response"), event.response); }

void members(JsonWriter& json, const ResponseOutputItemAdded& event) {
  json.member("response_id", event.response_id).member("output_index", event.output_index);
  write_item(json, event.item);
}
void members(JsonWriter& json, const ResponseOutputItemDone& event) {
  json.member("response_id", event.response_id).member("output_index", event.output_index);
  write_item(json, event.item);
}
void members(JsonWriter& json, const ResponseContentPartAdded& event) {
  write_ref(json, event.ref);
  write_part(json, event.part);
}
void members(JsonWriter& json, const ResponseContentPartDone& event) {
  write_ref(json, event.ref);
  write_part(json, event.part);
}
void members(JsonWriter& json, const ResponseOutputAudioDelta& event) {
  write_ref(json, event.ref);
  json.key("delta").base64(event.audio);
}
void members(JsonWriter& json, const ResponseOutputAudioDone& event) { write_ref(json, event.ref); }
void members(JsonWriter& json, const ResponseOutputAudioTranscriptDelta& event) {
  write_ref(json, event.ref);
  json.member("delta", event.delta);
}
void members(JsonWriter& json, const ResponseOutputAudioTranscriptDone& event) {
  write_ref(json, event.ref);
  json.member("transcript", event.transcript);
}
void members(JsonWriter& json, const ResponseOutputTextDelta& event) {
  write_ref(json, event.ref);
  json.member("delta", event.delta);
}
void members(JsonWriter& json, const ResponseOutputTextDone& event) {
  write_ref(json, event.ref);
  json.member("text", event.text);
}
void members(JsonWriter& json, const ResponseFunctionCallArgumentsDelta& event) {
  json.member("response_id", event.response_id).member("item_id", event.item_id);
  json.member("output_index", event.output_index).member("call_id", event.call_id);
  json.member("delta", event.delta);
}
void members(JsonWriter& json, const ResponseFunctionCallArgumentsDone& event) {
  json.member("response_id", event.response_id).member("item_id", event.item_id);
  json.member("output_index", event.output_index).member("call_id", event.call_id);
  json.member("name", event.name).member("arguments", event.arguments);
}

void members(JsonWriter& json, const RateLimitsUpdated& event) {
  json.key("rate_limits").begin_array();
  for (const RateLimit& limit : event.rate_limits) {
    json.begin_object().member("name", name_of(limit.name)).member("limit", limit.limit);
    json.member("remaining", limit.remaining).member("reset_seconds", limit.reset_seconds).end_object();
  }
  json.end_array();
}

void members(JsonWriter& json, const ErrorEvent& event) {
  const Error& error = event.error;
  json.key("error")
      .begin_object()
      .member("type", to_string(error.type()))
      .member("code", to_string(error.code));
  json.member("message", error.message).member("param", error.param).member("event_id", error.event_id);
  json.end_object();
}

void members(JsonWriter& json, const NativeOutputStreamStarted& event) {
  json.member("stream", event.stream);
  write_ref(json, event.ref);
  json.member("codec", name_of(event.codec)).member("rate", event.rate).member("channels", event.channels);
  json.member("frame_ms", event.frame_ms).member("preskip", event.preskip);
}
void members(JsonWriter& json, const NativeOutputStreamDone& event) {
  json.member("stream", event.stream).member("frames", event.frames).member("duration_ms", event.duration_ms);
  json.member("reason", name_of(event.reason));
}
void members(JsonWriter& json, const NativeOutputStreamFlush& event) {
  json.member("stream", event.stream).member("reason", name_of(event.reason));
}
void members(JsonWriter& json, const NativePong& event) {
  json.key("t").raw(event.t.text).member("server_ms", event.server_ms);
}
void members(JsonWriter& json, const NativeInputStats& event) {
  json.member("packets", event.packets).member("lost", event.lost).member("late", event.late);
  json.member("decode_errors", event.decode_errors).member("buffered_ms", event.buffered_ms);
}

// Room for the text, so that the one large member does not make it grow in steps.
std::size_t size_hint(const ServerEventBody& body) {
  constexpr std::size_t envelope = 320;
  if (const auto* delta = std::get_if<ResponseOutputAudioDelta>(&body))
    return envelope + base64::encoded_size(delta->audio.size());
  return envelope;
}

}  // namespace

void encode(const ServerEvent& event, std::string& out) {
  out.reserve(out.size() + size_hint(event.body));
  JsonWriter json(out);
  json.begin_object().member("type", type_of(event.body)).member("event_id", event.event_id);
  std::visit([&json](const auto& kind) { members(json, kind); }, event.body);
  json.end_object();
}

std::string encode(const ServerEvent& event) {
  std::string out;
  encode(event, out);
  return out;
}

std::string encode(const Session& session) {
  std::string out;
  JsonWriter json(out);
  write(json, session);
  return out;
}

std::string encode_http_body(const Error& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.member("message", error.message).member("type", to_string(error.type())).member("param", error.param);
  json.member("code", to_string(error.code)).end_object().end_object();
  return out;
}

}  // namespace parley::protocol
