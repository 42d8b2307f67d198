// Waiting on a strand for something that the same strand changes.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace parley::server {

namespace net = boost::asio;

// What a condition variable is to threads, for the coroutines of one strand: nothing can change between a
// look at the predicate and the wait, so nothing is missed. All its members are used on that strand.
class Condition {
 public:
  explicit Condition(const net::any_io_executor& strand)
      : never_(strand, net::steady_timer::time_point::max()) {}

  void notify() { never_.cancel(); }  // the waiting coroutines look again

  // Cancelling the coroutine ends the wait with a throw.
  template <typename Predicate>
  net::awaitable<void> wait(Predicate predicate) {
    while (!predicate()) co_await never_.async_wait(net::as_tuple(net::use_awaitable));
  }

 private:
  net::steady_timer never_;
};

}  // namespace parley::server
