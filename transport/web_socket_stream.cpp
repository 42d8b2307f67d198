// Tested by test/transport/ and, as every session, by test/server/listener/.
#include "transport/web_socket_stream.hpp"

#include <algorithm>
#include <boost/beast/websocket/stream.hpp>

#include "transport/as_result.hpp"

namespace parley::transport {
namespace {

namespace websocket = beast::websocket;

constexpr std::size_t first_piece = 1536;
constexpr std::size_t largest_piece = 64 * 1024;

}  // namespace

struct WebSocketStream::Socket {
  websocket::stream<Stream, /*deflateSupported=*/false> socket;
};

// protocol.md 12.1 and 12.5: no compression, a message is a frame, Beast pings and times out.
WebSocketStream::WebSocketStream(Stream stream, const WebSocketLimits& limits)
    : socket_(new Socket{websocket::stream<Stream, false>(std::move(stream))}),
      message_bytes_(limits.message_bytes) {
  auto& socket = socket_->socket;
  socket.next_layer().expires_never();  // from here on the WebSocket's own timer counts
  socket.set_option(
      websocket::stream_base::timeout{limits.handshake, limits.idle, /*keep_alive_pings=*/true});
  // read() has its own limit, which lets the other side read why. This one is for headers that promise the
  // moon.
  socket.read_message_max(16 * limits.message_bytes);
  socket.auto_fragment(false);
  socket.write_buffer_bytes(8192);
}

WebSocketStream::~WebSocketStream() = default;

net::awaitable<error_code> WebSocketStream::accept(
    const beast::http::request<beast::http::string_body>& request, std::string subprotocol) {
  auto& socket = socket_->socket;
  const auto decorate = [subprotocol = std::move(subprotocol)](websocket::response_type& response) {
    response.set(beast::http::field::server, "parley");
    if (!subprotocol.empty()) response.set(beast::http::field::sec_websocket_protocol, subprotocol);
  };
  socket.set_option(websocket::stream_base::decorator(decorate));
  const auto [error] = co_await socket.async_accept(request, as_result);
  socket.set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  co_return error;
}

net::awaitable<WebSocketStream::Answer> WebSocketStream::connect(std::string host, std::string target,
                                                                 Headers headers) {
  auto& socket = socket_->socket;
  socket.set_option(
      websocket::stream_base::decorator([headers = std::move(headers)](websocket::request_type& request) {
        for (const auto& [name, value] : headers) request.set(name, value);
      }));
  socket.secure_prng(false);  // masks protect caches on the way from pages in a browser, which we are not
  Answer answer;
  const auto [error] = co_await socket.async_handshake(answer.response, host, target, as_result);
  answer.error = error;
  co_return answer;
}

// Piece by piece, each at most as long as what is there already, so that memory follows what has really come
// and not what a frame's header promises. Beast's own limit would close the socket with the rest of the
// message unread, and that resets the connection before the other side has read why.
net::awaitable<WebSocket::Received> WebSocketStream::read(beast::flat_buffer& buffer) {
  auto& socket = socket_->socket;
  do {
    const std::size_t most = std::clamp(buffer.size(), first_piece, largest_piece);
    const auto [error, size] = co_await socket.async_read_some(buffer, most, as_result);
    if (error) co_return Received{.error = error};
    if (buffer.size() > message_bytes_) co_return Received{.too_large = true};
  } while (!socket.is_message_done());
  co_return Received{.binary = socket.got_binary()};
}

net::awaitable<error_code> WebSocketStream::write(bool binary, std::span<const char> message) {
  socket_->socket.binary(binary);
  const net::const_buffer bytes(message.data(), message.size());
  const auto [error, size] = co_await socket_->socket.async_write(bytes, as_result);
  co_return error;
}

net::awaitable<error_code> WebSocketStream::close(std::uint16_t code, std::string reason) {
  constexpr std::size_t longest_reason = 123;
  const websocket::close_reason why(static_cast<websocket::close_code>(code),
                                    reason.substr(0, longest_reason));
  const auto [error] = co_await socket_->socket.async_close(why, as_result);
  co_return error;
}

void WebSocketStream::abort() { socket_->socket.next_layer().close(); }

const websocket::close_reason& WebSocketStream::reason() const { return socket_->socket.reason(); }

}  // namespace parley::transport
