// A TCP connection, plain or encrypted: one type for both, so that what is built on it is compiled once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/container/static_vector.hpp>
#include <chrono>
#include <type_traits>
#include <variant>

#include "transport/completion.hpp"

namespace parley::transport {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = net::ip::tcp;

// An AsyncStream as Asio and Beast understand it, with the deadline of beast::tcp_stream. On the executor of
// its socket; movable while nothing is under way.
class Stream {
 public:
  using executor_type = net::any_io_executor;
  using Transferred = Completion<error_code, std::size_t>;

  explicit Stream(tcp::socket socket);
  // Encrypted from handshake() on.
  Stream(tcp::socket socket, net::ssl::context& tls);

  executor_type get_executor() noexcept;
  tcp::socket& socket();
  SSL* tls();  // nullptr: plain

  net::awaitable<error_code> connect(const tcp::resolver::results_type& addresses);  // to one of them
  net::awaitable<error_code> handshake(net::ssl::stream_base::handshake_type role);  // plain: nothing to do

  // One deadline for all operations that are under way; they end with beast::error::timeout.
  void expires_after(std::chrono::milliseconds time);
  void expires_never();
  void close();  // the socket itself: whatever is under way ends with an error

  template <typename Buffers, typename Token>
  typename net::async_result<std::decay_t<Token>, void(error_code, std::size_t)>::return_type async_read_some(
      const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const MutableBuffers& into) {
          read_some(into, Transferred(std::move(handler), get_executor()));
        },
        token, first_of<MutableBuffers>(buffers));
  }
  template <typename Buffers, typename Token>
  typename net::async_result<std::decay_t<Token>, void(error_code, std::size_t)>::return_type
  async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const ConstBuffers& from) {
          write_some(from, Transferred(std::move(handler), get_executor()));
        },
        token, first_of<ConstBuffers>(buffers));
  }

  // How beast::websocket ends a connection, and gives up on one.
  template <typename Handler>
  friend void async_teardown(beast::role_type role, Stream& stream, Handler&& handler) {
    stream.tear_down(role, Completion<error_code>(std::forward<Handler>(handler), stream.get_executor()));
  }
  friend void beast_close_socket(Stream& stream) { stream.close(); }

 private:
  using Plain = beast::tcp_stream;
  using Encrypted = beast::ssl_stream<beast::tcp_stream>;
  // Who reads or writes "some" takes no offence if it is not all.
  using MutableBuffers = boost::container::static_vector<net::mutable_buffer, 8>;
  using ConstBuffers = boost::container::static_vector<net::const_buffer, 8>;

  template <typename First, typename Buffers>
  static First first_of(const Buffers& buffers) {
    First first;
    const auto end = net::buffer_sequence_end(buffers);
    for (auto at = net::buffer_sequence_begin(buffers); at != end && first.size() < first.capacity(); ++at)
      if (typename First::value_type buffer = *at; buffer.size() > 0) first.push_back(buffer);
    return first;
  }

  void read_some(const MutableBuffers& buffers, Transferred done);
  void write_some(const ConstBuffers& buffers, Transferred done);
  void tear_down(beast::role_type role, Completion<error_code> done);
  Plain& lowest();

  std::variant<Plain, Encrypted> stream_;
};

}  // namespace parley::transport
