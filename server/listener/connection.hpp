// One connection from its first byte: HTTP requests, and the session that an upgrade makes of it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "server/listener/house.hpp"

namespace parley::server {

using tcp = net::ip::tcp;

// On the socket's strand. Ends when the connection has; throws only for what nobody expects.
net::awaitable<void> serve_connection(tcp::socket socket, House& house);
net::awaitable<void> serve_encrypted_connection(tcp::socket socket, net::ssl::context& tls, House& house);

}  // namespace parley::server
