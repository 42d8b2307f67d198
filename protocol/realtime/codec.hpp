// Between text on the wire and events: one JSON object a WebSocket text message.
//
// Decoding checks everything that can be checked without knowing the session, and says exactly what is wrong
// and where. Encoding writes straight into the text, with no tree in between; an audio delta goes from PCM
// bytes to base64 in one pass.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/realtime/client_event.hpp"
#include "protocol/realtime/error.hpp"
#include "protocol/realtime/server_event.hpp"

namespace parley::protocol {

// Bounds on what a client may send, beside the size of the message itself (protocol.md 12.1).
struct DecodeLimits {
  int depth = 32;                               // nested objects and arrays
  int values = 20'000;                          // JSON values in one message
  std::size_t append_bytes = 15 * 1024 * 1024;  // of audio in one append or one item
  std::size_t instructions_bytes = 64 * 1024;
  std::size_t tools_bytes = 256 * 1024;  // of all tool schemas
  std::size_t tools = 128;
  std::size_t text_bytes = 256 * 1024;  // any other string
};

// The error carries the client's event_id wherever that could be read.
Result<ClientEvent> decode(std::string_view text, const DecodeLimits& limits = {});

// The object of a `session` field that came by another way: a client secret, a session default. `path` is put
// before the fields in errors.
Result<SessionChanges> decode_session_changes(std::string_view text, std::string_view path = "session",
                                              const DecodeLimits& limits = {});

// Appends the event's JSON to `out`. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
void encode(const ServerEvent& event, std::string& out);
std::string encode(const ServerEvent& event);

// The session object alone, as in `session.created`.
std::string encode(const Session& session);

// {"error":{"message","type","param","code"}}: the body of a refused HTTP request (protocol.md 12.2).
std::string encode_http_body(const Error& error);

}  // namespace parley::protocol
