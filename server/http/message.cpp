#include "server/http/message.hpp"

#include "protocol/realtime/codec.hpp"
#include "server/http/target.hpp"

namespace parley::server {

Response text_response(http::status status, std::string_view content_type, std::string body) {
  Response response{status, 11};
  response.set(http::field::content_type,
               boost::beast::string_view(content_type.data(), content_type.size()));
  response.set("X-Content-Type-Options", "nosniff");
  response.body() = std::move(body);
  return response;
}

Response json_response(http::status status, std::string body) {
  Response response = text_response(status, "application/json", std::move(body));
  response.set(http::field::cache_control, "no-store");
  return response;
}

Response error_response(http::status status, const protocol::Error& error) {
  return json_response(status, protocol::encode_http_body(error));
}

Response not_found(std::string_view target) {
  return error_response(
      http::status::not_found,
      protocol::invalid_value("url", "There is nothing at '" + std::string(path_of(target)) + "'."));
}

Response method_not_allowed(std::string_view allowed) {
  Response response = error_response(
      http::status::method_not_allowed,
      protocol::invalid_value("method", "This address is for " + std::string(allowed) + " requests."));
  response.set(http::field::allow, boost::beast::string_view(allowed.data(), allowed.size()));
  return response;
}

Response retry_later(http::status status, const protocol::Error& error,
                     std::chrono::milliseconds retry_after) {
  Response response = error_response(status, error);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(retry_after).count();
  response.set(http::field::retry_after, std::to_string(seconds));
  return response;
}

std::string_view header(const Request& request, http::field field) {
  const auto value = request[field];
  return {value.data(), value.size()};
}

std::string_view header(const Request& request, std::string_view name) {
  const auto value = request[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

}  // namespace parley::server
