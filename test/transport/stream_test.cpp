// The stream under every WebSocket and every HTTP request.
#include "transport/stream.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <string>
#include <vector>

#include "test/support/catch.hpp"
#include "test/transport/socket_pair.hpp"

using namespace parley::transport;
using parley::test::SocketPair;

namespace {

constexpr auto as_result = net::as_tuple(net::use_awaitable);

net::awaitable<void> write_all(Stream& stream, const std::vector<net::const_buffer>& pieces) {
  co_await net::async_write(stream, pieces, net::use_awaitable);
}

net::awaitable<void> read_all(Stream& stream, std::string& into) {
  co_await net::async_read(stream, net::buffer(into), net::use_awaitable);
}

net::awaitable<void> read_once(Stream& stream, error_code& ended) {
  std::array<char, 16> room;
  const auto [error, size] = co_await stream.async_read_some(net::buffer(room), as_result);
  ended = error;
}

net::awaitable<void> close(Stream& stream) {
  stream.close();
  co_return;
}

}  // namespace

TEST_CASE("however many pieces are written at once, they arrive whole and in order", "[transport]") {
  SocketPair pair;
  Stream client(std::move(pair.client));
  Stream server(std::move(pair.server));
  std::vector<std::string> words;
  std::string whole;
  for (int i = 0; i < 100; ++i) {
    words.push_back(i % 7 == 0 ? "" : "piece " + std::to_string(i) + ";");
    whole += words.back();
  }
  std::vector<net::const_buffer> pieces;
  for (const std::string& word : words) pieces.push_back(net::buffer(word));
  std::string arrived(whole.size(), ' ');
  pair.run(write_all(client, pieces), read_all(server, arrived));
  CHECK(arrived == whole);
}

TEST_CASE("a read that nothing answers ends with the stream's deadline", "[transport]") {
  SocketPair pair;
  Stream client(std::move(pair.client));
  client.expires_after(std::chrono::milliseconds(1));
  error_code ended;
  pair.run(read_once(client, ended));
  CHECK(ended == beast::error::timeout);
}

TEST_CASE("closing the stream ends what is under way", "[transport]") {
  SocketPair pair;
  Stream client(std::move(pair.client));
  error_code ended;
  pair.run(read_once(client, ended), close(client));
  CHECK(ended == net::error::operation_aborted);
}

TEST_CASE("an operation keeps the cancellation slot and the executor of its handler", "[transport]") {
  SocketPair pair;
  Stream client(std::move(pair.client));
  const auto strand = net::make_strand(pair.context);
  net::cancellation_signal cancel;
  std::array<char, 16> room;
  error_code ended;
  bool on_strand = false;
  const auto handler = [&](error_code error, std::size_t) {
    ended = error;
    on_strand = strand.running_in_this_thread();
  };
  client.async_read_some(net::buffer(room),
                         net::bind_cancellation_slot(cancel.slot(), net::bind_executor(strand, handler)));
  net::post(pair.context, [&] { cancel.emit(net::cancellation_type::terminal); });
  pair.context.run();
  CHECK(ended == net::error::operation_aborted);
  CHECK(on_strand);
}
