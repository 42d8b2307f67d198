// The WebSocket that a client's HTTP upgrade becomes. Beast's templates behind it take a compiler longer than
// all the rest of the server: once for each stream, in files of their own.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <string>

#include "server/session/web_socket.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

using PlainStream = beast::tcp_stream;
using EncryptedStream = beast::ssl_stream<beast::tcp_stream>;
using Upgrade = beast::http::request<beast::http::string_body>;

class IncomingWebSocket : public WebSocket {
 public:
  // Answers the client's upgrade; `subprotocol` "" is none. Before anything else.
  virtual net::awaitable<error_code> accept(const Upgrade& request, std::string subprotocol) = 0;
};

std::unique_ptr<IncomingWebSocket> web_socket_over(PlainStream stream, const LimitSettings& limits);
std::unique_ptr<IncomingWebSocket> web_socket_over(EncryptedStream stream, const LimitSettings& limits);

}  // namespace parley::server
