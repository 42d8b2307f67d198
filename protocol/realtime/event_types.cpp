#include "protocol/realtime/event_types.hpp"

#include <array>
#include <cstddef>
#include <variant>

#include "protocol/realtime/client_event.hpp"
#include "protocol/realtime/server_event.hpp"

namespace parley::protocol {
namespace {

// In the order of ClientEventBody, those of native mode last.
constexpr std::array<std::string_view, std::variant_size_v<ClientEventBody::variant>> client_types = {
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
    "native.playback.flushed",
    "native.playback.report",
    "native.ping",
};
constexpr std::size_t client_types_without_native = 10;

// In the order of ServerEventBody.
constexpr std::array<std::string_view, std::variant_size_v<ServerEventBody::variant>> server_types = {
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.retrieved",
    "conversation.item.deleted",
    "conversation.item.truncated",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "input_audio_buffer.timeout_triggered",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "rate_limits.updated",
    "error",
    "native.output_stream.started",
    "native.output_stream.done",
    "native.output_stream.flush",
    "native.pong",
    "native.input.stats",
};

}  // namespace

std::span<const std::string_view> client_event_types() {
  return std::span(client_types).first<client_types_without_native>();
}

std::span<const std::string_view> native_client_event_types() { return client_types; }

std::string_view type_of(const ClientEventBody& body) { return client_types[body.index()]; }

bool needs_native_mode(const ClientEventBody& body) { return body.index() >= client_types_without_native; }

std::string_view type_of(const ServerEventBody& body) { return server_types[body.index()]; }

}  // namespace parley::protocol
