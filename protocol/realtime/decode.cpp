#include <array>
#include <utility>

#include "protocol/realtime/codec.hpp"
#include "protocol/realtime/decode_objects.hpp"
#include "protocol/realtime/event_types.hpp"
#include "protocol/realtime/json_reader.hpp"

namespace parley::protocol {
namespace {

constexpr std::size_t max_event_id = 512;
constexpr Fields::Range any_int{0, 2'147'483'647};

template <typename Event>
Event members(Fields& fields);

template <>
SessionUpdate members(Fields& fields) {
  const Json* session = fields.required("session");
  if (session == nullptr) return {};
  return {decode_session(fields.decoding(), *session, "session")};
}

template <>
InputAudioBufferAppend members(Fields& fields) {
  fields.required("audio");
  return {decode_audio(fields, "audio").value_or(Bytes{})};
}

template <>
ConversationItemCreate members(Fields& fields) {
  ConversationItemCreate event;
  event.previous_item_id = fields.text("previous_item_id");
  if (event.previous_item_id == "") event.previous_item_id.reset();
  if (const Json* item = fields.required("item")) event.item = decode_item(fields.decoding(), *item, "item");
  return event;
}

template <>
ConversationItemRetrieve members(Fields& fields) {
  return {fields.required_text("item_id")};
}

template <>
ConversationItemDelete members(Fields& fields) {
  return {fields.required_text("item_id")};
}

template <>
ConversationItemTruncate members(Fields& fields) {
  return {.item_id = fields.required_text("item_id"),
          .content_index = fields.required_integer("content_index", any_int),
          .audio_end_ms = fields.required_integer("audio_end_ms", any_int)};
}

template <>
ResponseCreate members(Fields& fields) {
  const Json* response = fields.find("response");
  if (response == nullptr) return {};
  return {decode_response(fields.decoding(), *response, "response")};
}

template <>
ResponseCancel members(Fields& fields) {
  return {fields.text("response_id")};
}

template <>
NativePlaybackFlushed members(Fields& fields) {
  return {.stream = fields.required_integer("stream", any_int),
          .played_ms = fields.required_integer("played_ms", any_int)};
}

template <>
NativePlaybackReport members(Fields& fields) {
  NativePlaybackReport report{.stream = fields.required_integer("stream", any_int)};
  fields.required("state");
  report.state = fields.choice<NativePlaybackReport::State>("state").value_or(report.state);
  report.played_ms = fields.required_integer("played_ms", any_int);
  report.buffered_ms = fields.integer("buffered_ms", any_int).value_or(0);
  return report;
}

template <>
NativePing members(Fields& fields) {
  const Json* t = fields.required("t");
  if (t != nullptr && !t->is_number())
    fields.decoding().fail(invalid_type(fields.path_of("t"), "a number", kind_of(*t)));
  return {RawJson{t != nullptr ? t->dump() : "0"}};
}

// The events without members of their own.
template <typename Event>
Event members(Fields&) {
  return {};
}

// One decoder for each alternative of ClientEventBody, in its order: that of native_client_event_types().
using DecodeMembers = ClientEventBody (*)(Fields&);

template <std::size_t... Index>
constexpr auto decoders(std::index_sequence<Index...>) {
  return std::array<DecodeMembers, sizeof...(Index)>{[](Fields& fields) -> ClientEventBody {
    return members<std::variant_alternative_t<Index, ClientEventBody::variant>>(fields);
  }...};
}

std::optional<std::size_t> index_of(std::string_view type) {
  const auto types = native_client_event_types();
  for (std::size_t i = 0; i < types.size(); ++i)
    if (types[i] == type) return i;
  return std::nullopt;
}

ClientEvent decode_event(Decoding& decoding, const Json& message) {
  constexpr auto decode_members =
      decoders(std::make_index_sequence<std::variant_size_v<ClientEventBody::variant>>());
  Fields fields(decoding, message, "");
  ClientEvent event;
  event.event_id = fields.text("event_id", max_event_id);
  const Json* type = fields.find("type");
  if (type == nullptr || !type->is_string()) {
    decoding.fail(invalid_event("Expected an event: a JSON object with a string 'type'."));
    return event;
  }
  const auto& name = type->get_ref<const std::string&>();
  const std::optional<std::size_t> index = index_of(name);
  if (!index) {
    decoding.fail(unknown_event_type(name, /*native_mode=*/false));
    return event;
  }
  event.body = decode_members[*index](fields);
  fields.finish();
  return event;
}

}  // namespace

Result<ClientEvent> decode(std::string_view text, const DecodeLimits& limits) {
  Result<Json> message = read_json(text, limits);
  if (!message) return message.error();
  if (!message->is_object()) return invalid_event("Expected an event: a JSON object with a string 'type'.");
  Decoding decoding{limits};
  ClientEvent event = decode_event(decoding, *message);
  if (!decoding.error) return event;
  if (event.event_id && !event.event_id->empty()) decoding.error->event_id = std::move(event.event_id);
  return *std::move(decoding.error);
}

Result<SessionChanges> decode_session_changes(std::string_view text, std::string_view path,
                                              const DecodeLimits& limits) {
  Result<Json> session = read_json(text, limits);
  if (!session) return session.error();
  Decoding decoding{limits};
  SessionChanges changes = decode_session(decoding, *session, std::string(path));
  if (decoding.error) return *std::move(decoding.error);
  return changes;
}

}  // namespace parley::protocol
