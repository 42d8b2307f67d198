// What is done with a WebSocket once it stands.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "protocol/realtime/error.hpp"
#include "protocol/realtime/session.hpp"
#include "server/session/services.hpp"
#include "server/session/web_socket.hpp"

namespace parley::server {

// Told why a client must go: an `error`, then the close.
struct Farewell {
  protocol::Error error;
  std::uint16_t code;
  std::string reason;
};
net::awaitable<void> say_farewell(WebSocket& socket, Farewell farewell, const Services& services);

// Holds a session until it ends. `listed` is given the function that tells it to drain, to be called on the
// session's strand, and what it returns is kept for as long as that may be called.
using ListSession =
    std::function<std::shared_ptr<void>(net::any_io_executor strand, std::function<void()> drain)>;
net::awaitable<void> hold_session(WebSocket& socket, protocol::Session begin, const Services& services,
                                  ListSession list);

}  // namespace parley::server
