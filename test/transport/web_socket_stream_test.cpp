// Both sides of a WebSocket, against each other.
#include "transport/web_socket_stream.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/error.hpp>
#include <string>

#include "test/support/catch.hpp"
#include "test/transport/socket_pair.hpp"

using namespace parley::transport;
using parley::test::SocketPair;
namespace http = beast::http;

namespace {

using std::chrono_literals::operator""s;
constexpr WebSocketLimits limits{.message_bytes = 100'000, .handshake = 10s, .idle = 10s};

net::awaitable<http::request<http::string_body>> read_request(Stream& stream) {
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  co_await http::async_read(stream, buffer, request, net::use_awaitable);
  co_return request;
}

// What a server took in, until the client closed.
struct Heard {
  std::string subprotocols;
  std::vector<std::string> messages;
  bool too_large = false;
  error_code ended;
};

net::awaitable<void> answer(Stream stream, Heard& heard) {
  const auto request = co_await read_request(stream);
  heard.subprotocols = std::string(request[http::field::sec_websocket_protocol]);
  WebSocketStream socket(std::move(stream), limits);
  co_await socket.accept(request, "b");
  for (beast::flat_buffer buffer;; buffer.clear()) {
    const auto received = co_await socket.read(buffer);
    heard.too_large = received.too_large;
    heard.ended = received.error;
    if (received.too_large) co_await socket.close(1009, std::string(200, 'x'));
    if (received.too_large || received.error) break;
    heard.messages.push_back((received.binary ? "b:" : "t:") + beast::buffers_to_string(buffer.data()));
    const auto& message = heard.messages.back();
    co_await socket.write(received.binary, message);
  }
}

net::awaitable<void> refuse(Stream stream) {
  const auto request = co_await read_request(stream);
  http::response<http::string_body> response(http::status::service_unavailable, 11, "full");
  response.prepare_payload();
  co_await http::async_write(stream, response, net::use_awaitable);
}

// What a client was told.
struct Told {
  WebSocketStream::Answer answer;
  std::vector<std::string> messages;
  error_code ended;
  std::uint16_t code = 0;
  std::string reason;
};

net::awaitable<void> ask(Stream stream, std::vector<std::string> messages, Told& told) {
  WebSocketStream socket(std::move(stream), limits);
  const WebSocketStream::Headers headers{{"Sec-WebSocket-Protocol", "a, b"}};
  told.answer = co_await socket.connect("localhost", "/", headers);
  if (told.answer.error) co_return;
  for (const std::string& message : messages) {
    const bool binary = told.messages.size() % 2 == 1;
    co_await socket.write(binary, message);
    beast::flat_buffer buffer;
    told.ended = (co_await socket.read(buffer)).error;
    if (told.ended) break;
    told.messages.push_back(beast::buffers_to_string(buffer.data()));
  }
  if (!told.ended) co_await socket.close(1000, {});
  told.code = socket.reason().code;
  told.reason = std::string(socket.reason().reason.data(), socket.reason().reason.size());
}

}  // namespace

TEST_CASE("messages go both ways as text or binary, up to the limit", "[transport]") {
  SocketPair pair;
  Heard heard;
  Told told;
  const std::string longest(limits.message_bytes, 'm');
  pair.run(answer(Stream(std::move(pair.server)), heard),
           ask(Stream(std::move(pair.client)), {"hello", "bytes", longest.substr(2)}, told));
  CHECK(heard.subprotocols == "a, b");
  CHECK(told.answer.response[http::field::sec_websocket_protocol] == "b");
  CHECK(told.messages == std::vector<std::string>{"t:hello", "b:bytes", "t:" + longest.substr(2)});
  CHECK(heard.ended == beast::websocket::error::closed);
}

TEST_CASE("a message over the limit is left, and its sender can read why", "[transport]") {
  SocketPair pair;
  Heard heard;
  Told told;
  pair.run(answer(Stream(std::move(pair.server)), heard),
           ask(Stream(std::move(pair.client)), {std::string(5 * limits.message_bytes, 'm')}, told));
  CHECK(heard.too_large);
  CHECK(told.ended == beast::websocket::error::closed);
  CHECK(told.code == 1009);
  CHECK(told.reason == std::string(123, 'x'));
}

TEST_CASE("a client sees the answer of a server that declines the upgrade", "[transport]") {
  SocketPair pair;
  Told told;
  pair.run(refuse(Stream(std::move(pair.server))), ask(Stream(std::move(pair.client)), {}, told));
  CHECK(told.answer.error == beast::websocket::error::upgrade_declined);
  CHECK(told.answer.response.result() == http::status::service_unavailable);
  CHECK(told.answer.response.body() == "full");
}
