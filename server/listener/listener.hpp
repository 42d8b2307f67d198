// Listens on an address and serves what connects.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <optional>
#include <string>

#include "server/listener/house.hpp"

namespace parley::server {

// Used on any thread; `context` may be run by several. `context` and `house` outlive it.
class Listener {
 public:
  // Binds and listens as the settings say. Throws std::runtime_error with a sentence: an address that is
  // taken, a certificate that cannot be read.
  Listener(net::io_context& context, House& house);

  std::string url() const;  // http://127.0.0.1:8080, with the port that was taken
  unsigned short port() const { return port_; }

  void start();
  // No new connections; sessions finish their responses. `drained` is called on a thread of the context when
  // the last has ended.
  void drain(std::function<void()> drained);

 private:
  net::awaitable<void> accept();

  net::io_context& context_;
  House& house_;
  std::optional<net::ssl::context> tls_;
  net::any_io_executor strand_;
  net::ip::tcp::acceptor acceptor_;
  std::string host_;
  unsigned short port_ = 0;
};

}  // namespace parley::server
