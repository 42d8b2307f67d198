// Tested by test/server/listener/.
#include "server/listener/listener.hpp"

#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <stdexcept>
#include <utility>

#include "server/listener/connection.hpp"
#include "server/settings/register.hpp"
#include "transport/as_result.hpp"

namespace parley::server {
namespace {

tcp::endpoint resolve(net::io_context& context, const ListenAddress& address) {
  error_code error;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (error || found.empty())
    throw std::runtime_error("cannot listen on " + address.host + ": " + error.message());
  return *found.begin();
}

net::ssl::context make_tls(const TlsSettings& settings) {
  net::ssl::context tls(net::ssl::context::tls_server);
  tls.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                  net::ssl::context::no_tlsv1_1 | net::ssl::context::single_dh_use);
  error_code error;
  tls.use_certificate_chain_file(settings.certificate.string(), error);
  if (error)
    throw std::runtime_error("cannot use the certificate " + settings.certificate.string() +
                             " (tls.certificate): " + error.message());
  tls.use_private_key_file(settings.private_key.string(), net::ssl::context::pem, error);
  if (error)
    throw std::runtime_error("cannot use the key " + settings.private_key.string() +
                             " (tls.private_key): " + error.message());
  // HTTP/1.1 is all there is: a client that offers h2 as well must not choose it.
  SSL_CTX_set_alpn_select_cb(
      tls.native_handle(),
      [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
         unsigned int offered_size, void*) {
        static constexpr unsigned char http11[] = "\x08http/1.1";
        unsigned char* chosen = nullptr;
        const int found =
            SSL_select_next_proto(&chosen, out_size, http11, sizeof(http11) - 1, offered, offered_size);
        *out = chosen;
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
      },
      nullptr);
  return tls;
}

// Audio leaves at once, and waits here rather than in the kernel, where a barge-in could no longer drop it.
void prepare(tcp::socket& socket) {
  constexpr int most_unsent_bytes = 64 * 1024;
  error_code ignored;  // it has gone already: reading will tell
  socket.set_option(tcp::no_delay(true), ignored);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent_bytes,
               sizeof(most_unsent_bytes));
}

// Whatever a connection throws ends it alone.
void report(const std::exception_ptr& thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    if (error.code() != net::error::operation_aborted) spdlog::warn("connection: {}", error.what());
  } catch (const std::exception& error) {
    spdlog::error("connection: {}", error.what());
  }
}

}  // namespace

Listener::Listener(net::io_context& context, House& house)
    : context_(context), house_(house), strand_(net::make_strand(context)), acceptor_(strand_) {
  if (!house.settings.tls.certificate.empty()) tls_.emplace(make_tls(house.settings.tls));
  const ListenAddress address = parse_listen(house.settings.listen);
  const tcp::endpoint endpoint = resolve(context, address);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(net::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on " + house.settings.listen + ": " + error.code().message());
  }
  port_ = acceptor_.local_endpoint().port();
  host_ = address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
}

std::string Listener::url() const {
  return (tls_ ? "https://" : "http://") + host_ + ":" + std::to_string(port_);
}

void Listener::start() { net::co_spawn(strand_, accept(), report); }

net::awaitable<void> Listener::accept() {
  net::steady_timer pause(strand_);
  while (!house_.draining) {
    auto [error, socket] = co_await acceptor_.async_accept(net::any_io_executor(net::make_strand(context_)),
                                                           transport::as_result);
    if (error == net::error::operation_aborted) break;
    if (error) {
      spdlog::warn("accepting a connection: {}", error.message());
      pause.expires_after(std::chrono::milliseconds(100));  // no descriptors left, most likely
      co_await pause.async_wait(transport::as_result);
      continue;
    }
    if (house_.counters.connections >= house_.settings.limits.connections) {
      house_.counters.refuse(Refusal::server_full);
      continue;
    }
    prepare(socket);
    const net::any_io_executor strand = socket.get_executor();
    Stream stream = tls_ ? Stream(std::move(socket), *tls_) : Stream(std::move(socket));
    auto served = serve_connection(std::move(stream), house_);
    ++house_.counters.connections;
    net::co_spawn(strand, std::move(served), [&house = house_](std::exception_ptr thrown) {
      --house.counters.connections;
      report(thrown);
    });
  }
}

void Listener::drain(std::function<void()> drained) {
  house_.sessions.when_empty(std::move(drained));
  house_.draining = true;
  net::dispatch(strand_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
  house_.sessions.drain();
}

}  // namespace parley::server
