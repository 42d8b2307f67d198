// The socket of a session, whatever it runs over.
#pragma once

#include <string>

#include "transport/web_socket.hpp"

namespace parley::server {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using transport::WebSocket;

// How the connection ended, in a word for the log; "" for an ordinary end.
std::string describe_end(const error_code& error);

}  // namespace parley::server
