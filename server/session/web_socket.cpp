#include "server/session/web_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/websocket/error.hpp>

namespace parley::server {

std::string describe_end(const error_code& error) {
  if (!error || error == beast::websocket::error::closed || error == net::error::operation_aborted) return {};
  if (error == beast::error::timeout) return "no sign of life";
  if (error == net::error::eof || error == net::error::connection_reset || error == net::error::broken_pipe ||
      error == net::ssl::error::stream_truncated) {
    return "connection lost";
  }
  return error.message();
}

}  // namespace parley::server
