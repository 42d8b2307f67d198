// Tested by test/transport/ and, as every connection of the server, by test/server/listener/.
#include "transport/stream.hpp"

#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "transport/as_result.hpp"

namespace parley::transport {

Stream::Stream(tcp::socket socket) : stream_(std::in_place_type<Plain>, std::move(socket)) {}

Stream::Stream(tcp::socket socket, net::ssl::context& tls)
    : stream_(std::in_place_type<Encrypted>, std::move(socket), tls) {}

Stream::Plain& Stream::lowest() {
  if (auto* encrypted = std::get_if<Encrypted>(&stream_)) return encrypted->next_layer();
  return std::get<Plain>(stream_);
}

Stream::executor_type Stream::get_executor() noexcept { return lowest().get_executor(); }

tcp::socket& Stream::socket() { return lowest().socket(); }

SSL* Stream::tls() {
  auto* encrypted = std::get_if<Encrypted>(&stream_);
  return encrypted ? encrypted->native_handle() : nullptr;
}

net::awaitable<error_code> Stream::connect(const tcp::resolver::results_type& addresses) {
  const auto [error, address] = co_await lowest().async_connect(addresses, as_result);
  co_return error;
}

net::awaitable<error_code> Stream::handshake(net::ssl::stream_base::handshake_type role) {
  auto* encrypted = std::get_if<Encrypted>(&stream_);
  if (!encrypted) co_return error_code();
  const auto [error] = co_await encrypted->async_handshake(role, as_result);
  co_return error;
}

void Stream::expires_after(std::chrono::milliseconds time) { lowest().expires_after(time); }

void Stream::expires_never() { lowest().expires_never(); }

void Stream::close() { lowest().close(); }

void Stream::read_some(const MutableBuffers& buffers, Transferred done) {
  std::visit([&](auto& stream) { stream.async_read_some(buffers, std::move(done)); }, stream_);
}

void Stream::write_some(const ConstBuffers& buffers, Transferred done) {
  std::visit([&](auto& stream) { stream.async_write_some(buffers, std::move(done)); }, stream_);
}

void Stream::tear_down(beast::role_type role, Completion<error_code> done) {
  using beast::websocket::async_teardown;
  std::visit([&](auto& stream) { async_teardown(role, stream, std::move(done)); }, stream_);
}

}  // namespace parley::transport
