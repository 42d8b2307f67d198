// The WebSocket that an HTTP upgrade makes of a stream, on either side. Beast's templates behind it take a
// compiler longer than all the rest of the server: they are in web_socket_stream.cpp alone.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/stream.hpp"
#include "transport/web_socket.hpp"

namespace parley::transport {

struct WebSocketLimits {
  std::size_t message_bytes;            // longer ones are too_large
  std::chrono::milliseconds handshake;  // for the upgrade
  std::chrono::milliseconds idle;       // without a sign of life, after a ping at half of it
};

class WebSocketStream final : public WebSocket {
 public:
  WebSocketStream(Stream stream, const WebSocketLimits& limits);
  ~WebSocketStream() override;

  // Answers the client's upgrade; `subprotocol` "" is none. Before anything else.
  net::awaitable<error_code> accept(const beast::http::request<beast::http::string_body>& request,
                                    std::string subprotocol);

  struct Answer {
    error_code error;  // websocket::error::upgrade_declined: `response` says why
    beast::http::response<beast::http::string_body> response;
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Asks a server for the upgrade. Before anything else.
  net::awaitable<Answer> connect(std::string host, std::string target, Headers headers);

  net::awaitable<Received> read(beast::flat_buffer& buffer) override;
  net::awaitable<error_code> write(bool binary, std::span<const char> message) override;
  net::awaitable<error_code> close(std::uint16_t code, std::string reason) override;
  void abort() override;

  // What the other side said when it closed.
  const beast::websocket::close_reason& reason() const;

 private:
  struct Socket;
  std::unique_ptr<Socket> socket_;
  const std::size_t message_bytes_;
};

}  // namespace parley::transport
