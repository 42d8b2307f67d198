#include "client/session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/status.hpp>

namespace parley::client {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using namespace net::experimental::awaitable_operators;
using std::chrono::seconds;

constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr seconds connect_limit{10};
constexpr seconds silence_limit{40};  // of the server, which is pinged after half of it
constexpr std::size_t message_limit = 4 * 1024 * 1024;

// How the end of a connection is counted.
std::string reason_of(const beast::error_code& error, const websocket::close_reason& close) {
  if (error != websocket::error::closed) return error.message();
  const std::string code = "close " + std::to_string(close.code);
  return close.reason.empty() ? code : code + " " + std::string(close.reason.data(), close.reason.size());
}

}  // namespace

Session::Session(net::any_io_executor executor, const Access& access, CallPlan plan)
    : access_(access), caller_(std::move(plan)), socket_(executor), timer_(executor) {}

void Session::stop(const std::string& reason) {
  stopped_ = true;
  if (reason.empty())
    caller_.stop();
  else
    caller_.lost_connection(reason);
  if (state_ == State::waiting) {
    state_ = outcome();
    timer_.cancel();
  }
}

net::awaitable<void> Session::run(Time start) {
  timer_.expires_at(start);
  co_await timer_.async_wait(as_result);
  if (stopped_) co_return;
  state_ = State::connecting;
  const bool connected = co_await connect();
  if (!connected) co_return;
  state_ = State::talking;
  // Named first: as temporaries of the expression GCC 12 puts one of them where the coroutine's frame should
  // begin, and the coroutine is resumed 8 bytes off.
  net::awaitable<void> talking = talk();
  net::awaitable<void> listening = listen();
  co_await (std::move(talking) && std::move(listening));
  state_ = outcome();
}

Session::State Session::outcome() const {
  if (caller_.broke() || caller_.tally().failed > 0) return State::failed;
  return stopped_ ? State::stopped : State::served;
}

bool Session::give_up(const std::string& why) {
  caller_.lost_connection(why);
  state_ = State::failed;
  return false;
}

net::awaitable<bool> Session::connect() {
  net::ip::tcp::resolver resolver(socket_.get_executor());
  auto [unknown, addresses] = co_await resolver.async_resolve(access_.url.host, access_.url.port, as_result);
  if (unknown) co_return give_up(unknown.message());
  beast::tcp_stream& stream = beast::get_lowest_layer(socket_);
  stream.expires_after(connect_limit);
  auto [unreachable, address] = co_await stream.async_connect(addresses, as_result);
  if (unreachable) co_return give_up(unreachable.message());
  stream.expires_never();     // from here on the WebSocket keeps time
  beast::error_code ignored;  // without the option it is only slower
  stream.socket().set_option(net::ip::tcp::no_delay(true), ignored);

  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = connect_limit;
  limits.idle_timeout = silence_limit;
  limits.keep_alive_pings = true;
  socket_.set_option(limits);
  socket_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
    request.set(http::field::user_agent, "parley-load");
    if (!access_.key.empty()) request.set(http::field::authorization, "Bearer " + access_.key);
  }));
  socket_.auto_fragment(false);
  socket_.read_message_max(message_limit);
  socket_.secure_prng(false);  // masks protect caches on the way, of which a load test has none
  websocket::response_type response;
  auto [declined] =
      co_await socket_.async_handshake(response, access_.url.authority(), access_.url.target, as_result);
  if (!declined) co_return true;
  if (declined != websocket::error::upgrade_declined) co_return give_up(declined.message());
  give_up("http " + std::to_string(response.result_int()));
  if (response.result() == http::status::service_unavailable) state_ = State::refused;
  co_return false;
}

net::awaitable<void> Session::talk() {
  // Each packet has its own moment, counted from the first: a late one does not delay those after it.
  const Time first = Clock::now();
  for (std::int64_t sent = 0; !caller_.over(); ++sent) {
    timer_.expires_at(first + std::chrono::milliseconds(sent * packet_ms));
    co_await timer_.async_wait(as_result);
    caller_.tick(Clock::now());
    const bool sent_all = co_await send_what_is_due();
    if (!sent_all) co_return;
  }
  // Ends listen() as well: its read completes when the server has answered.
  co_await socket_.async_close(websocket::close_code::normal, as_result);
}

net::awaitable<bool> Session::send_what_is_due() {
  const std::vector<std::string> messages = caller_.take_messages();
  for (const std::string& message : messages) {
    socket_.text(true);
    auto [failed, size] = co_await socket_.async_write(net::buffer(message), as_result);
    if (failed) co_return false;
  }
  const auto frame = caller_.packet(Clock::now());
  if (!frame) co_return true;
  const auto header = protocol::native::encode_header(*frame);
  const std::array<net::const_buffer, 2> packet{net::buffer(header),
                                                net::buffer(frame->payload.data(), frame->payload.size())};
  socket_.binary(true);
  auto [failed, size] = co_await socket_.async_write(packet, as_result);
  co_return !failed;
}

net::awaitable<void> Session::listen() {
  for (beast::flat_buffer message;; message.clear()) {
    auto [closed, size] = co_await socket_.async_read(message, as_result);
    const Time now = Clock::now();
    if (closed) {
      caller_.lost_connection(reason_of(closed, socket_.reason()));
      co_return;
    }
    const auto* data = static_cast<const char*>(message.data().data());
    if (socket_.got_text())
      caller_.text({data, message.size()}, now);
    else
      caller_.binary(std::as_bytes(std::span(data, message.size())), now);
  }
}

}  // namespace parley::client
