#include "protocol/realtime/error.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <stdexcept>

#include "protocol/realtime/event_types.hpp"

namespace parley::protocol {
namespace {

struct CodeEntry {
  ErrorCode code;
  std::string_view name;
  ErrorType type;
};

// In the order of the enumeration, so that a code is its index (checked below). Names marked uncertain in
// protocol.md 6.4 are changed here and nowhere else.
constexpr auto invalid = ErrorType::invalid_request_error;
constexpr std::array codes = {
    CodeEntry{ErrorCode::invalid_json, "invalid_json", invalid},
    CodeEntry{ErrorCode::invalid_event, "invalid_event", invalid},
    CodeEntry{ErrorCode::invalid_value, "invalid_value", invalid},
    CodeEntry{ErrorCode::missing_required_parameter, "missing_required_parameter", invalid},
    CodeEntry{ErrorCode::unknown_parameter, "unknown_parameter", invalid},
    CodeEntry{ErrorCode::invalid_type, "invalid_type", invalid},
    CodeEntry{ErrorCode::input_audio_buffer_commit_empty, "input_audio_buffer_commit_empty", invalid},
    CodeEntry{ErrorCode::conversation_already_has_active_response, "conversation_already_has_active_response",
              invalid},
    CodeEntry{ErrorCode::response_cancel_not_active, "response_cancel_not_active", invalid},
    CodeEntry{ErrorCode::cannot_update_voice, "cannot_update_voice", invalid},
    CodeEntry{ErrorCode::item_create_duplicate_item_id, "item_create_duplicate_item_id", invalid},
    CodeEntry{ErrorCode::item_create_invalid_previous_item_id, "item_create_invalid_previous_item_id",
              invalid},
    CodeEntry{ErrorCode::item_retrieve_invalid_item_id, "item_retrieve_invalid_item_id", invalid},
    CodeEntry{ErrorCode::item_delete_invalid_item_id, "item_delete_invalid_item_id", invalid},
    CodeEntry{ErrorCode::item_truncate_invalid_item_id, "item_truncate_invalid_item_id", invalid},
    CodeEntry{ErrorCode::unsupported_content_type, "unsupported_content_type", invalid},
    CodeEntry{ErrorCode::session_expired, "session_expired", invalid},
    CodeEntry{ErrorCode::invalid_api_key, "invalid_api_key", invalid},
    CodeEntry{ErrorCode::missing_model, "missing_model", invalid},
    CodeEntry{ErrorCode::invalid_model, "invalid_model", invalid},
    CodeEntry{ErrorCode::beta_api_shape_disabled, "beta_api_shape_disabled", invalid},
    CodeEntry{ErrorCode::rate_limit_exceeded, "rate_limit_exceeded", ErrorType::rate_limit_error},
    CodeEntry{ErrorCode::response_generation_failed, "response_generation_failed", ErrorType::server_error},
    CodeEntry{ErrorCode::engine_overloaded, "engine_overloaded", ErrorType::server_error},
    CodeEntry{ErrorCode::context_overflow, "context_overflow", ErrorType::server_error},
    CodeEntry{ErrorCode::slow_consumer, "slow_consumer", ErrorType::server_error},
    CodeEntry{ErrorCode::internal_error, "internal_error", ErrorType::server_error},
    CodeEntry{ErrorCode::invalid_frame, "invalid_frame", invalid},
    CodeEntry{ErrorCode::invalid_opus_packet, "invalid_opus_packet", invalid},
    CodeEntry{ErrorCode::unsupported_audio_format, "unsupported_audio_format", invalid},
    CodeEntry{ErrorCode::input_overrun, "input_overrun", invalid},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < codes.size(); ++i)
    if (codes[i].code != static_cast<ErrorCode>(i)) return false;
  return codes.size() == static_cast<std::size_t>(ErrorCode::input_overrun) + 1;
}
static_assert(in_order(), "the table of codes follows the enumeration");

const CodeEntry& entry(ErrorCode code) { return codes[static_cast<std::size_t>(code)]; }

// What a client sent comes back in our sentences; nobody needs a megabyte of it there.
std::string quoted(std::string_view value) {
  constexpr std::size_t longest = 120;
  if (value.size() <= longest) return "'" + std::string(value) + "'";
  std::size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xC0) == 0x80) --cut;  // not within a character
  return "'" + std::string(value.substr(0, cut)) + "...'";
}

// 'a', 'b', and 'c'
std::string listed(std::span<const std::string_view> values) {
  std::string list;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool last = i + 1 == values.size();
    if (i > 0) list += values.size() == 2 ? " " : ", ";
    if (i > 0 && last) list += "and ";
    list += quoted(values[i]);
  }
  return list;
}

Error about_item(ErrorCode code, std::string_view doing, std::string_view item_id, std::string_view problem) {
  return {code,
          "Error " + std::string(doing) + " item: " + std::string(problem) + " with id " + quoted(item_id)};
}

Error missing_item(ErrorCode code, std::string_view doing, std::string_view item_id,
                   std::string_view which = "the item") {
  Error error = about_item(code, doing, item_id, which);
  error.message += " does not exist.";
  return error;
}

Error about_frame(ErrorCode code, std::string message) { return {code, std::move(message), "binary"}; }

}  // namespace

std::string_view to_string(ErrorCode code) { return entry(code).name; }
ErrorType type_of(ErrorCode code) { return entry(code).type; }

std::optional<ErrorCode> error_code(std::string_view name) {
  for (const CodeEntry& known : codes)
    if (known.name == name) return known.code;
  return std::nullopt;
}

std::string_view to_string(ErrorType type) {
  switch (type) {
    case ErrorType::invalid_request_error:
      return "invalid_request_error";
    case ErrorType::server_error:
      return "server_error";
    case ErrorType::rate_limit_error:
      return "rate_limit_error";
    case ErrorType::authentication_error:
      return "authentication_error";
  }
  return "server_error";
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
  out << to_string(error.code) << ": " << error.message;
  if (error.param) out << " (" << *error.param << ")";
  return out;
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::runtime_error(std::string(to_string(error.code)) + ": " + error.message + " (" +
                           where.to_string() + ")");
}

Error invalid_json() { return {ErrorCode::invalid_json, "Invalid event: failed to parse JSON value."}; }

Error invalid_event(std::string_view message) { return {ErrorCode::invalid_event, std::string(message)}; }

Error binary_not_negotiated() {
  return invalid_event("Expected a text WebSocket message; binary frames are not supported.");
}

Error unknown_event_type(std::string_view type, bool native_mode) {
  return unsupported_value("type", type, native_mode ? native_client_event_types() : client_event_types());
}

Error invalid_value(std::string param, std::string message) {
  return {ErrorCode::invalid_value, std::move(message), std::move(param)};
}

Error unsupported_value(std::string param, std::string_view value,
                        std::span<const std::string_view> supported) {
  std::string message =
      "Invalid value: " + quoted(value) + ". Supported values are: " + listed(supported) + ".";
  return invalid_value(std::move(param), std::move(message));
}

Error unsupported_value(std::string param, std::string_view value,
                        std::initializer_list<std::string_view> supported) {
  return unsupported_value(std::move(param), value, std::span(supported.begin(), supported.size()));
}

Error missing_required_parameter(std::string param) {
  return {ErrorCode::missing_required_parameter, "Missing required parameter: " + quoted(param) + ".", param};
}

Error unknown_parameter(std::string param) {
  return {ErrorCode::unknown_parameter, "Unknown parameter: " + quoted(param) + ".", param};
}

Error invalid_type(std::string param, std::string_view expected, std::string_view got) {
  return {ErrorCode::invalid_type,
          "Invalid type for " + quoted(param) + ": expected " + std::string(expected) + ", but got " +
              std::string(got) + " instead.",
          param};
}

Error commit_empty(double buffered_ms) {
  std::array<char, 32> amount{};
  std::snprintf(amount.data(), amount.size(), "%.2f", buffered_ms);
  return {ErrorCode::input_audio_buffer_commit_empty,
          "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but "
          "buffer only "
          "has " +
              std::string(amount.data()) + "ms of audio."};
}

Error already_has_active_response(std::string_view response_id) {
  return {ErrorCode::conversation_already_has_active_response,
          "Conversation already has an active response in progress: " + std::string(response_id) +
              ". Wait until the response is finished before creating a new one."};
}

Error cancel_not_active() {
  return {ErrorCode::response_cancel_not_active, "Cancellation failed: no active response found"};
}

Error cannot_update_voice() {
  return {ErrorCode::cannot_update_voice,
          "Cannot update a conversation's voice if assistant audio is present."};
}

Error duplicate_item_id(std::string_view item_id) {
  Error error = about_item(ErrorCode::item_create_duplicate_item_id, "adding", item_id, "an item");
  error.message += " already exists.";
  return error;
}

Error invalid_previous_item_id(std::string_view item_id) {
  return missing_item(ErrorCode::item_create_invalid_previous_item_id, "adding", item_id,
                      "the previous item");
}

Error no_item_to_retrieve(std::string_view item_id) {
  return missing_item(ErrorCode::item_retrieve_invalid_item_id, "retrieving", item_id);
}

Error no_item_to_delete(std::string_view item_id) {
  return missing_item(ErrorCode::item_delete_invalid_item_id, "deleting", item_id);
}

Error no_item_to_truncate(std::string_view item_id) {
  return missing_item(ErrorCode::item_truncate_invalid_item_id, "truncating", item_id);
}

Error not_truncatable() {
  return {ErrorCode::unsupported_content_type, "Only model output audio messages can be truncated"};
}

Error truncated_too_far(int audio_ms, int audio_end_ms) {
  return invalid_value("audio_end_ms", "Audio content of " + std::to_string(audio_ms) +
                                           "ms is already shorter than " + std::to_string(audio_end_ms) +
                                           "ms");
}

Error session_expired(int minutes) {
  return {ErrorCode::session_expired,
          "Your session hit the maximum duration of " + std::to_string(minutes) + " minutes."};
}

Error invalid_api_key() { return {ErrorCode::invalid_api_key, "Incorrect API key provided: ***."}; }

Error missing_model() { return {ErrorCode::missing_model, "You must name a model: ?model=NAME."}; }

Error invalid_model(std::string_view model) {
  return {ErrorCode::invalid_model,
          "The model " + quoted(model) + " does not exist here; GET /v1/models lists those that do."};
}

Error beta_api_shape_disabled() {
  return {
      ErrorCode::beta_api_shape_disabled,
      "The beta shapes of the Realtime API are not served; connect without the beta header or subprotocol."};
}

Error rate_limit_exceeded(std::string_view what) {
  return {ErrorCode::rate_limit_exceeded, "Rate limit reached for " + std::string(what) + "."};
}

Error server_error(ErrorCode code, std::string message) { return {code, std::move(message)}; }

Error invalid_frame(std::string message) { return about_frame(ErrorCode::invalid_frame, std::move(message)); }

Error invalid_opus_packet(std::string message) {
  return about_frame(ErrorCode::invalid_opus_packet, std::move(message));
}

Error unsupported_audio_format(std::string message) {
  return about_frame(ErrorCode::unsupported_audio_format, std::move(message));
}

Error input_overrun(int limit_seconds) {
  return {ErrorCode::input_overrun, "The input audio buffer holds at most " + std::to_string(limit_seconds) +
                                        " seconds; audio beyond that was dropped. Commit or clear it."};
}

}  // namespace parley::protocol
