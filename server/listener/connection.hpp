// One connection from its first byte: HTTP requests, and the session that an upgrade makes of it.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "server/listener/house.hpp"
#include "transport/stream.hpp"

namespace parley::server {

using transport::Stream;
using transport::tcp;

// On the stream's strand. Ends when the connection has; throws only for what nobody expects.
net::awaitable<void> serve_connection(Stream stream, House& house);

}  // namespace parley::server
