// Requests and responses, and the answers that many routes give.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "protocol/realtime/error.hpp"

namespace parley::server {

namespace http = boost::beast::http;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

// Complete but for what the connection adds: version, keep-alive, length.
Response text_response(http::status status, std::string_view content_type, std::string body);
Response json_response(http::status status, std::string body);  // never cached

// The body of protocol.md 12.2. `error` without a code of the table has "code": null.
Response error_response(http::status status, const protocol::Error& error);
Response not_found(std::string_view target);
Response method_not_allowed(std::string_view allowed);
Response retry_later(http::status status, const protocol::Error& error,
                     std::chrono::milliseconds retry_after);

// A header's value, "" if it is not there.
std::string_view header(const Request& request, http::field field);
std::string_view header(const Request& request, std::string_view name);
inline std::string_view target_of(const Request& request) {
  return {request.target().data(), request.target().size()};
}

}  // namespace parley::server
