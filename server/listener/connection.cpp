// Tested by test/server/listener/.
#include "server/listener/connection.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "server/http/target.hpp"
#include "server/listener/peer.hpp"
#include "server/session/hold.hpp"
#include "transport/as_result.hpp"
#include "transport/web_socket_stream.hpp"

namespace parley::server {
namespace {

// ---- HTTP

// The answer to what is no request that we take. Empty: none is due, the connection is over.
std::optional<Response> answer_to_fault(const error_code& fault) {
  using http::error;
  if (fault == error::end_of_stream || fault == error::partial_message) return std::nullopt;
  if (fault == error::header_limit || fault == error::buffer_overflow) {
    return error_response(http::status::request_header_fields_too_large,
                          protocol::invalid_value("header", "The request's header is too large."));
  }
  if (fault == error::body_limit) {
    return error_response(http::status::payload_too_large,
                          protocol::invalid_value("body", "The request's body is too large."));
  }
  if (fault.category() == http::make_error_code(error::bad_method).category()) {
    return error_response(http::status::bad_request, protocol::invalid_value("request", "This is not HTTP."));
  }
  return std::nullopt;
}

net::awaitable<error_code> write(Stream& stream, const Request& request, Response response, bool keep_alive) {
  response.version(request.version() == 10 ? 10 : 11);
  response.set(http::field::server, "parley");
  response.keep_alive(keep_alive);
  response.prepare_payload();
  if (request.method() == http::verb::head) {
    const std::size_t size = response.body().size();
    response.body().clear();
    response.content_length(size);
  }
  const auto [error, size] = co_await http::async_write(stream, response, transport::as_result);
  co_return error;
}

// The client may still be sending what nobody wants: to close at once would tear our answer from its hands.
net::awaitable<void> hang_up(Stream& stream) {
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream.expires_after(std::chrono::seconds(1));
  std::array<char, 4096> unwanted;
  for (int reads = 0; reads < 64; ++reads) {
    const auto [error, size] = co_await stream.async_read_some(net::buffer(unwanted), transport::as_result);
    if (error) break;
  }
}

bool opens_session(const Request& request) {
  return beast::websocket::is_upgrade(request) && path_of(target_of(request)) == "/v1/realtime";
}

void log_request(const Request& request, http::status status, const Peer& peer, House& house) {
  ++house.counters.requests;
  // The path alone: queries may hold keys.
  if (house.settings.log.access) {
    const auto method = request.method_string();
    spdlog::info("{} {} {} from {}", std::string_view(method.data(), method.size()),
                 path_of(target_of(request)), static_cast<unsigned>(status),
                 peer.client(request, house.settings.limits));
  }
}

// Reads and answers requests until one opens a session, which is returned, or the connection is over.
net::awaitable<std::optional<Request>> answer_requests(Stream& stream, const Peer& peer, House& house) {
  const LimitSettings& limits = house.settings.limits;
  beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
  for (auto patience = limits.handshake;; patience = limits.keep_alive) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    parser.body_limit(limits.body_bytes);
    stream.expires_after(patience);
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, transport::as_result);
    const Request request = parser.release();
    if (error) {
      if (auto answer = answer_to_fault(error)) {
        log_request(request, answer->result(), peer, house);
        co_await write(stream, request, *std::move(answer), /*keep_alive=*/false);
      }
      break;
    }
    if (opens_session(request) && buffer.size() == 0) co_return request;
    Response response = house.routes.answer(request, peer.from_here(request));
    log_request(request, response.result(), peer, house);
    const bool keep_alive = request.keep_alive() && !house.draining;
    const error_code failed = co_await write(stream, request, std::move(response), keep_alive);
    if (failed || !keep_alive) break;
  }
  co_await hang_up(stream);
  co_return std::nullopt;
}

// ---- sessions

net::awaitable<void> upgrade(Stream stream, Request request, const Peer& peer, House& house) {
  Entrance entrance = house.doorkeeper.examine(request, peer);
  if (entrance.refusal) {
    log_request(request, entrance.refusal->result(), peer, house);
    co_await write(stream, request, *std::move(entrance.refusal), /*keep_alive=*/false);
    co_await hang_up(stream);
    co_return;
  }
  log_request(request, http::status::switching_protocols, peer, house);
  const LimitSettings& limits = house.settings.limits;
  transport::WebSocketStream socket(std::move(stream), {limits.message_bytes, limits.handshake, limits.idle});
  const error_code failed = co_await socket.accept(request, std::move(entrance.subprotocol));
  request = {};  // a session is small
  if (failed) co_return;
  if (entrance.farewell) {
    co_await say_farewell(socket, *std::move(entrance.farewell), house.services);
  } else {
    auto list = [&house](net::any_io_executor strand, std::function<void()> drain) {
      return house.sessions.enter(std::move(strand), std::move(drain));
    };
    co_await hold_session(socket, std::move(entrance.begin), house.services, std::move(list));
  }
}

// "": it has gone already
std::string address_of(const tcp::socket& socket) {
  error_code gone;
  const auto endpoint = socket.remote_endpoint(gone);
  return gone ? std::string() : endpoint.address().to_string();
}

}  // namespace

net::awaitable<void> serve_connection(Stream stream, House& house) {
  const Peer peer{address_of(stream.socket()), /*tls=*/stream.tls() != nullptr};
  stream.expires_after(house.settings.limits.handshake);
  const error_code failed = co_await stream.handshake(net::ssl::stream_base::server);
  if (failed) co_return;
  std::optional<Request> request = co_await answer_requests(stream, peer, house);
  if (request) co_await upgrade(std::move(stream), *std::move(request), peer, house);
}

}  // namespace parley::server
