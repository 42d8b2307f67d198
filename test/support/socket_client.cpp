#include "test/support/socket_client.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <functional>
#include <span>
#include <stdexcept>

#include "transport/stream.hpp"

namespace parley::test {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = net::ip::tcp;

// Far beyond what anything takes, even under a sanitizer on a busy machine.
constexpr auto patience = std::chrono::seconds(30);

tcp::endpoint server_at(unsigned short port) { return {net::ip::address_v4::loopback(), port}; }

HttpResponse plain(const beast::http::response<beast::http::string_body>& response) {
  HttpResponse result{static_cast<int>(response.result_int()), {}, response.body()};
  for (const auto& field : response)
    result.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return result;
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (beast::iequals({key.data(), key.size()}, {name.data(), name.size()})) return value;
  return std::nullopt;
}

HttpResponse http(unsigned short port, std::string_view method, std::string_view target, std::string body,
                  const Headers& headers) {
  net::io_context context;
  beast::tcp_stream stream(context);
  stream.socket().connect(server_at(port));
  beast::http::request<beast::http::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(beast::http::field::host, "127.0.0.1:" + std::to_string(port));
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = std::move(body);
  request.prepare_payload();
  error_code failed = net::error::timed_out;
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.skip(method == "HEAD");
  stream.expires_after(patience);
  beast::http::async_write(stream, request, [&](error_code error, std::size_t) {
    if (error) {
      failed = error;
      return;
    }
    beast::http::async_read(stream, buffer, parser, [&](error_code read, std::size_t) { failed = read; });
  });
  context.run();
  if (failed) throw std::runtime_error("no answer to " + std::string(target) + ": " + failed.message());
  return plain(parser.get());
}

std::string raw_exchange(unsigned short port, std::string_view bytes, std::chrono::milliseconds limit) {
  net::io_context context;
  beast::tcp_stream stream(context);
  stream.socket().connect(server_at(port));
  stream.expires_after(limit);
  std::string answer;
  std::array<char, 4096> piece;
  error_code ended;
  std::function<void()> read = [&] {
    stream.async_read_some(net::buffer(piece), [&](error_code error, std::size_t size) {
      answer.append(piece.data(), size);
      ended = error;
      if (!error) read();
    });
  };
  // Reading and writing at once: the server may answer and close before all is written.
  net::async_write(stream, net::buffer(bytes.data(), bytes.size()), [](error_code, std::size_t) {});
  read();
  context.run();
  if (ended == beast::error::timeout)
    throw std::runtime_error("the server did not close the connection in time");
  return answer;
}

nlohmann::json user_text(const std::string& text) {
  nlohmann::json content = nlohmann::json::array({{{"type", "input_text"}, {"text", text}}});
  return {{"type", "conversation.item.create"},
          {"item", {{"type", "message"}, {"role", "user"}, {"content", std::move(content)}}}};
}

struct SocketClient::Connection {
  explicit Connection(bool encrypted) : socket(make_stream(encrypted)) {}

  net::io_context context;
  net::ssl::context tls{net::ssl::context::tls_client};
  beast::websocket::stream<transport::Stream, /*deflateSupported=*/false> socket;
  beast::flat_buffer buffer;

  transport::Stream make_stream(bool encrypted) {
    return encrypted ? transport::Stream(tcp::socket(context), tls) : transport::Stream(tcp::socket(context));
  }
  tcp::socket& tcp_socket() { return socket.next_layer().socket(); }

  template <typename Start>
  error_code run(std::string_view what, Start start) {
    std::optional<error_code> result;
    start([&result](error_code error, auto&&...) { result = error; });
    context.restart();
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!result && context.run_one_until(end) > 0) {
    }
    if (!result) throw std::runtime_error("nothing happened in time: " + std::string(what));
    return *result;
  }
  void begin_tls() {
    static constexpr unsigned char offered[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(socket.next_layer().tls(), offered, sizeof(offered) - 1);
    const error_code error = run("TLS handshake", [&](auto done) {
      net::co_spawn(context, socket.next_layer().handshake(net::ssl::stream_base::client),
                    [done](const std::exception_ptr& thrown, error_code failed) {
                      if (thrown) std::rethrow_exception(thrown);
                      done(failed);
                    });
    });
    if (error) throw std::runtime_error("no TLS: " + error.message());
  }
  void write(std::span<const std::byte> bytes) {
    const error_code error =
        run("write", [&](auto done) { socket.async_write(net::buffer(bytes.data(), bytes.size()), done); });
    if (error) throw std::runtime_error("cannot write: " + error.message());
  }
};

SocketClient::SocketClient(unsigned short port, const Options& options)
    : connection_(std::make_unique<Connection>(options.tls)) {
  auto& socket = connection_->socket;
  connection_->tcp_socket().open(tcp::v4());
  if (options.reads_little) connection_->tcp_socket().set_option(net::socket_base::receive_buffer_size(4096));
  connection_->tcp_socket().connect(server_at(port));
  connection_->tcp_socket().set_option(tcp::no_delay(true));
  if (options.tls) connection_->begin_tls();
  socket.set_option(beast::websocket::stream_base::decorator([&](beast::websocket::request_type& request) {
    for (const auto& [name, value] : options.headers) request.set(name, value);
  }));
  socket.read_message_max(64 * 1024 * 1024);
  beast::websocket::response_type response;
  const error_code error = connection_->run("upgrade", [&](auto done) {
    socket.async_handshake(response, "127.0.0.1:" + std::to_string(port), options.target, done);
  });
  handshake_ = plain(response);
  if (error && handshake_.status == 101) throw std::runtime_error("the upgrade failed: " + error.message());
}

SocketClient::~SocketClient() { drop(); }

std::string SocketClient::chosen_protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection_->socket.next_layer().tls(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

void SocketClient::say_text(std::string_view text) {
  connection_->socket.text(true);
  connection_->write(std::as_bytes(std::span(text)));
}

void SocketClient::binary(protocol::ByteView bytes) {
  connection_->socket.binary(true);
  connection_->write(bytes);
}

void SocketClient::send_raw(std::string_view bytes) {
  error_code ignored;  // the server may have closed already
  net::write(connection_->tcp_socket(), net::buffer(bytes.data(), bytes.size()), ignored);
}

void SocketClient::close() {
  connection_->run("close", [&](auto done) {
    connection_->socket.async_close(beast::websocket::close_code::normal, done);
  });
}

void SocketClient::drop() { connection_->socket.next_layer().close(); }

std::optional<SocketClient::Message> SocketClient::read_or_closed() {
  if (closed_) return std::nullopt;
  auto& socket = connection_->socket;
  auto& buffer = connection_->buffer;
  const error_code error = connection_->run("read", [&](auto done) { socket.async_read(buffer, done); });
  if (error) {
    closed_ = true;
    close_reason_ = error.message();
    if (error == beast::websocket::error::closed) {
      close_code_ = socket.reason().code;
      close_reason_ = std::string(socket.reason().reason.data(), socket.reason().reason.size());
    }
    return std::nullopt;
  }
  Message message;
  const std::span bytes(static_cast<const char*>(buffer.cdata().data()), buffer.size());
  if (socket.got_text()) {
    message.json = Json::parse(bytes.begin(), bytes.end());
  } else {
    const auto view = std::as_bytes(bytes);
    message.bytes.assign(view.begin(), view.end());
  }
  buffer.consume(buffer.size());
  seen_.push_back(message);
  return message;
}

SocketClient::Message SocketClient::read() {
  auto message = read_or_closed();
  if (!message)
    throw std::runtime_error("the server closed the connection: " + std::to_string(close_code_) + " " +
                             close_reason_);
  return *std::move(message);
}

bool SocketClient::quiet_for(std::chrono::milliseconds time) {
  auto& socket = connection_->tcp_socket();
  net::io_context& context = connection_->context;
  bool came = false;
  socket.async_wait(tcp::socket::wait_read, [&came](error_code error) { came = !error; });
  context.restart();
  context.run_for(time);
  if (!came) {
    socket.cancel();
    context.restart();
    context.run();
  }
  return !came;
}

SocketClient::Json SocketClient::expect(std::string_view type) {
  for (;;) {
    Message message = read();
    if (!message.binary() && message.json.value("type", "") == type) return message.json;
  }
}

std::uint16_t SocketClient::expect_close() {
  while (read_or_closed()) {
  }
  return close_code_;
}

std::vector<std::string> SocketClient::types() const {
  std::vector<std::string> types;
  for (const Message& message : seen_)
    types.push_back(message.binary() ? "packet" : message.json.value("type", ""));
  return types;
}

std::vector<SocketClient::Json> SocketClient::all(std::string_view type) const {
  std::vector<Json> found;
  for (const Message& message : seen_)
    if (!message.binary() && message.json.value("type", "") == type) found.push_back(message.json);
  return found;
}

std::size_t SocketClient::packets() const {
  std::size_t count = 0;
  for (const Message& message : seen_) count += message.binary() ? 1 : 0;
  return count;
}

}  // namespace parley::test
