// What goes wrong because of what a client said: one table of codes and types, one function a sentence.
//
// An Error is a value; decoding, updating a session and handling an event return Result<T>. It becomes an
// `error` event (server_event.hpp) or, before the upgrade, an HTTP body. The texts are those of the service
// that clients were written against (protocol.md 6.4); clients match the codes, people read the sentences.
#pragma once

#include <boost/system/result.hpp>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parley::protocol {

enum class ErrorType { invalid_request_error, server_error, rate_limit_error, authentication_error };

enum class ErrorCode {
  invalid_json,
  invalid_event,
  invalid_value,
  missing_required_parameter,
  unknown_parameter,
  invalid_type,
  input_audio_buffer_commit_empty,
  conversation_already_has_active_response,
  response_cancel_not_active,
  cannot_update_voice,
  item_create_duplicate_item_id,
  item_create_invalid_previous_item_id,
  item_retrieve_invalid_item_id,
  item_delete_invalid_item_id,
  item_truncate_invalid_item_id,
  unsupported_content_type,
  session_expired,
  invalid_api_key,
  missing_model,
  invalid_model,
  beta_api_shape_disabled,
  rate_limit_exceeded,
  response_generation_failed,
  engine_overloaded,
  context_overflow,
  slow_consumer,
  internal_error,
  invalid_frame,
  invalid_opus_packet,
  unsupported_audio_format,
  input_overrun,
};

std::string_view to_string(ErrorCode code);  // as on the wire: "invalid_json"
std::string_view to_string(ErrorType type);
ErrorType type_of(ErrorCode code);
std::optional<ErrorCode> error_code(std::string_view name);  // the code of that name on the wire

struct Error {
  ErrorCode code;
  std::string message;
  std::optional<std::string> param = {};     // path of the field at fault: "session.audio.output.voice"
  std::optional<std::string> event_id = {};  // of the client event at fault, if it carried one

  ErrorType type() const { return type_of(code); }
  bool operator==(const Error&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Error& error);  // "invalid_json: ..."; for logs and tests

template <typename T>
using Result = boost::system::result<T, Error>;

// Makes Result<T>::value() on an error throw a std::runtime_error with the code and the message.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

// ---- one function a sentence; `param` is the path of the field

Error invalid_json();
Error invalid_event(std::string_view message);  // not an object, no string `type`
Error binary_not_negotiated();                  // invalid_event: a binary frame outside native mode
Error unknown_event_type(std::string_view type, bool native_mode);  // lists the types that are accepted
Error invalid_value(std::string param, std::string message);
// Invalid value: 'X'. Supported values are: 'a', 'b', and 'c'.
Error unsupported_value(std::string param, std::string_view value,
                        std::span<const std::string_view> supported);
Error unsupported_value(std::string param, std::string_view value,
                        std::initializer_list<std::string_view> supported);
Error missing_required_parameter(std::string param);
Error unknown_parameter(std::string param);
// `expected` and `got` are JSON kinds with their article: "an object", "a string"; null is "null".
Error invalid_type(std::string param, std::string_view expected, std::string_view got);

Error commit_empty(double buffered_ms);
Error already_has_active_response(std::string_view response_id);
Error cancel_not_active();
Error cannot_update_voice();
Error duplicate_item_id(std::string_view item_id);
Error invalid_previous_item_id(std::string_view item_id);
Error no_item_to_retrieve(std::string_view item_id);
Error no_item_to_delete(std::string_view item_id);
Error no_item_to_truncate(std::string_view item_id);
Error not_truncatable();  // unsupported_content_type: the item is no assistant audio
Error truncated_too_far(int audio_ms, int audio_end_ms);

Error session_expired(int minutes);
Error invalid_api_key();
Error missing_model();
Error invalid_model(std::string_view model);
Error beta_api_shape_disabled();
Error rate_limit_exceeded(std::string_view what);  // "Rate limit reached for <what>."
Error server_error(ErrorCode code, std::string message);

Error invalid_frame(std::string message);  // param `binary`, as the three below
Error invalid_opus_packet(std::string message);
Error unsupported_audio_format(std::string message);
Error input_overrun(int limit_seconds);  // param null

}  // namespace parley::protocol
