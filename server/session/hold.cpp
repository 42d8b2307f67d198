#include "server/session/hold.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <span>
#include <utility>

#include "protocol/realtime/codec.hpp"
#include "server/session/beginning.hpp"
#include "server/session/first_to_end.hpp"
#include "server/session/session.hpp"

namespace parley::server {
namespace {

net::awaitable<void> say(WebSocket& socket, Farewell farewell) {
  protocol::IdGenerator ids(random_bits());
  const protocol::ServerEvent event{ids.event(), protocol::ErrorEvent{std::move(farewell.error)}};
  const std::string text = protocol::encode(event);
  const error_code failed = co_await socket.write(/*binary=*/false, text);
  if (failed) co_return;
  co_await socket.close(farewell.code, std::move(farewell.reason));
}

net::awaitable<void> wait(net::any_io_executor strand, std::chrono::milliseconds time) {
  net::steady_timer timer(strand, time);
  co_await timer.async_wait(net::use_awaitable);
}

}  // namespace

net::awaitable<void> say_farewell(WebSocket& socket, Farewell farewell, const Services& services) {
  const net::any_io_executor strand = co_await net::this_coro::executor;
  services.counters.error(farewell.error.code);
  co_await first_to_end(strand, say(socket, std::move(farewell)),
                        wait(strand, services.settings.limits.close));
}

net::awaitable<void> hold_session(WebSocket& socket, protocol::Session begin, const Services& services,
                                  ListSession list) {
  const net::any_io_executor strand = co_await net::this_coro::executor;
  Session session(services, socket, std::move(begin), strand);
  const auto listed = list(strand, [&session] { session.drain(); });
  co_await session.run();
}

}  // namespace parley::server
