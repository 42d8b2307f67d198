// A WebSocket over a plain or an encrypted stream.
#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <utility>

#include "server/session/web_socket.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

template <typename Stream>
class WebSocketOver final : public WebSocket {
 public:
  // protocol.md 12.1 and 12.5: no compression, a message is a frame, Beast pings and times out.
  WebSocketOver(Stream stream, const LimitSettings& limits)
      : message_bytes_(limits.message_bytes), socket_(std::move(stream)) {
    beast::get_lowest_layer(socket_).expires_never();  // from here on the WebSocket's own timer counts
    socket_.set_option(
        beast::websocket::stream_base::timeout{limits.handshake, limits.idle, /*keep_alive_pings=*/true});
    socket_.read_message_max(0);  // read() has its own limit
    socket_.auto_fragment(false);
    socket_.write_buffer_bytes(8192);
  }

  // Answers the client's upgrade; `subprotocol` "" is none.
  template <typename Request>
  net::awaitable<error_code> accept(const Request& request, std::string subprotocol) {
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
