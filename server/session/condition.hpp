// Waiting on a strand for something that the same strand changes.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "transport/as_result.hpp"

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
    while (!predicate()) co_await never_.async_wait(transport::as_result);
  }

 private:
  net::steady_timer never_;
};

}  // namespace parley::server
