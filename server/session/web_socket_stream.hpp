// A WebSocket over a plain or an encrypted stream. Part of plain_web_socket.cpp and encrypted_web_socket.cpp
// alone.
#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <utility>

#include "server/session/web_socket_over.hpp"

namespace parley::server {

template <typename Stream>
class WebSocketStream final : public IncomingWebSocket {
 public:
  // protocol.md 12.1 and 12.5: no compression, a message is a frame, Beast pings and times out.
  WebSocketStream(Stream stream, const LimitSettings& limits)
      : message_bytes_(limits.message_bytes), socket_(std::move(stream)) {
    beast::get_lowest_layer(socket_).expires_never();  // from here on the WebSocket's own timer counts
    socket_.set_option(
        beast::websocket::stream_base::timeout{limits.handshake, limits.idle, /*keep_alive_pings=*/true});
    // read() has its own limit, which lets the client read why. This one is for headers that promise the
    // moon.
    socket_.read_message_max(16 * limits.message_bytes);
    socket_.auto_fragment(false);
    socket_.write_buffer_bytes(8192);
  }

  net::awaitable<error_code> accept(const Upgrade& request, std::string subprotocol) override {
    const auto decorate = [subprotocol = std::move(subprotocol)](beast::websocket::response_type& response) {
      response.set(beast::http::field::server, "parley");
      if (!subprotocol.empty()) response.set(beast::http::field::sec_websocket_protocol, subprotocol);
    };
    socket_.set_option(beast::websocket::stream_base::decorator(decorate));
    const auto [error] = co_await socket_.async_accept(request, net::as_tuple(net::use_awaitable));
    socket_.set_option(beast::websocket::stream_base::decorator([](beast::websocket::response_type&) {}));
    co_return error;
  }

  // Piece by piece, each at most as long as what is there already, so that memory follows what has really
  // come and not what a frame's header promises. Beast's own limit would close the socket with the rest of
  // the message unread, and that resets the connection before the client has read why.
  net::awaitable<Received> read(beast::flat_buffer& buffer) override {
    do {
      const std::size_t most = std::clamp(buffer.size(), first_piece, largest_piece);
      const auto [error, size] =
          co_await socket_.async_read_some(buffer, most, net::as_tuple(net::use_awaitable));
      if (error) co_return Received{.error = error};
      if (buffer.size() > message_bytes_) co_return Received{.too_large = true};
    } while (!socket_.is_message_done());
    co_return Received{.binary = socket_.got_binary()};
  }

  net::awaitable<error_code> write(bool binary, std::span<const char> message) override {
    socket_.binary(binary);
    const net::const_buffer bytes(message.data(), message.size());
    const auto [error, size] = co_await socket_.async_write(bytes, net::as_tuple(net::use_awaitable));
    co_return error;
  }

  net::awaitable<error_code> close(std::uint16_t code, std::string reason) override {
    constexpr std::size_t longest_reason = 123;
    const beast::websocket::close_reason why(static_cast<beast::websocket::close_code>(code),
                                             reason.substr(0, longest_reason));
    const auto [error] = co_await socket_.async_close(why, net::as_tuple(net::use_awaitable));
    co_return error;
  }

  void abort() override { beast::get_lowest_layer(socket_).close(); }

 private:
  static constexpr std::size_t first_piece = 1536;
  static constexpr std::size_t largest_piece = 64 * 1024;

  const std::size_t message_bytes_;
  beast::websocket::stream<Stream, /*deflateSupported=*/false> socket_;
};

}  // namespace parley::server
