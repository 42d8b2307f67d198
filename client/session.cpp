#include "client/session.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/websocket/error.hpp>
#include <span>

#include "transport/as_result.hpp"

namespace parley::client {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using namespace net::experimental::awaitable_operators;

constexpr std::chrono::seconds connect_limit{10};
constexpr std::chrono::seconds silence_limit{40};  // of the server, which is pinged after half of it
constexpr std::size_t message_limit = 4 * 1024 * 1024;

// How the end of a connection is counted.
std::string reason_of(const beast::error_code& error, const websocket::close_reason& close) {
  if (error != websocket::error::closed) return error.message();
  const std::string code = "close " + std::to_string(close.code);
  return close.reason.empty() ? code : code + " " + std::string(close.reason.data(), close.reason.size());
}

}  // namespace

Session::Session(net::any_io_executor executor, const Access& access, CallPlan plan)
    : access_(access), caller_(std::move(plan)), timer_(executor) {}

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
  co_await timer_.async_wait(transport::as_result);
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
  const net::any_io_executor executor = timer_.get_executor();
  transport::tcp::resolver resolver(executor);
  auto [unknown, addresses] =
      co_await resolver.async_resolve(access_.url.host, access_.url.port, transport::as_result);
  if (unknown) co_return give_up(unknown.message());
  transport::Stream stream{transport::tcp::socket(executor)};
  stream.expires_after(connect_limit);
  const auto unreachable = co_await stream.connect(addresses);
  if (unreachable) co_return give_up(unreachable.message());
  beast::error_code ignored;  // without the option it is only slower
  stream.socket().set_option(transport::tcp::no_delay(true), ignored);

  socket_.emplace(std::move(stream), transport::WebSocketLimits{message_limit, connect_limit, silence_limit});
  transport::WebSocketStream::Headers headers{{"User-Agent", "parley-load"}};
  if (!access_.key.empty()) headers.emplace_back("Authorization", "Bearer " + access_.key);
  const auto answer =
      co_await socket_->connect(access_.url.authority(), access_.url.target, std::move(headers));
  if (!answer.error) co_return true;
  if (answer.error != websocket::error::upgrade_declined) co_return give_up(answer.error.message());
  give_up("http " + std::to_string(answer.response.result_int()));
  if (answer.response.result() == beast::http::status::service_unavailable) state_ = State::refused;
  co_return false;
}

net::awaitable<void> Session::talk() {
  // Each packet has its own moment, counted from the first: a late one does not delay those after it.
  const Time first = Clock::now();
  for (std::int64_t sent = 0; !caller_.over(); ++sent) {
    timer_.expires_at(first + std::chrono::milliseconds(sent * packet_ms));
    co_await timer_.async_wait(transport::as_result);
    caller_.tick(Clock::now());
    const bool sent_all = co_await send_what_is_due();
    if (!sent_all) co_return;
  }
  // Ends listen() as well: its read completes when the server has answered.
  co_await socket_->close(websocket::close_code::normal, {});
}

net::awaitable<bool> Session::send_what_is_due() {
  const std::vector<std::string> messages = caller_.take_messages();
  for (const std::string& message : messages) {
    const auto failed = co_await socket_->write(/*binary=*/false, message);
    if (failed) co_return false;
  }
  const auto frame = caller_.packet(Clock::now());
  if (!frame) co_return true;
  const protocol::Bytes packet = protocol::native::encode_frame(*frame);
  const std::span bytes(reinterpret_cast<const char*>(packet.data()), packet.size());
  const auto failed = co_await socket_->write(/*binary=*/true, bytes);
  co_return !failed;
}

net::awaitable<void> Session::listen() {
  for (beast::flat_buffer buffer;; buffer.clear()) {
    const auto received = co_await socket_->read(buffer);
    const Time now = Clock::now();
    if (received.error || received.too_large) {
      caller_.lost_connection(received.too_large
                                  ? "a message over " + std::to_string(message_limit) + " bytes"
                                  : reason_of(received.error, socket_->reason()));
      co_return;
    }
    const std::span message(static_cast<const char*>(buffer.cdata().data()), buffer.size());
    if (received.binary)
      caller_.binary(std::as_bytes(message), now);
    else
      caller_.text({message.data(), message.size()}, now);
  }
}

}  // namespace parley::client
