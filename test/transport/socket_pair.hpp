// Two ends of one connection over the loopback, and coroutines on them.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <exception>

#include "transport/stream.hpp"

namespace parley::test {

namespace net = boost::asio;

struct SocketPair {
  net::io_context context;
  transport::tcp::socket client{context};
  transport::tcp::socket server{context};

  SocketPair() {
    transport::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    client.connect(acceptor.local_endpoint());
    acceptor.accept(server);
  }

  // Runs them side by side until all have ended; what one of them throws is thrown on.
  template <typename... Coroutines>
  void run(Coroutines... coroutines) {
    const auto rethrow = [](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
    };
    (net::co_spawn(context, std::move(coroutines), rethrow), ...);
    context.run();
  }
};

}  // namespace parley::test
