// The encrypted listener, with a certificate made as the setting tls.certificate says.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "config/settings.hpp"
#include "server/settings/register.hpp"
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::test;
namespace net = boost::asio;
namespace beast = boost::beast;
using Socket = beast::websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

namespace {

// The openssl command out of the setting's own meaning.
std::string documented_command() {
  server::ServerSettings server;
  config::Settings settings;
  server::register_settings(settings, server);
  for (const auto& description : settings.describe()) {
    if (description.key != "tls.certificate") continue;
    return description.meaning.substr(description.meaning.find("openssl req"));
  }
  throw std::logic_error("no setting tls.certificate");
}

server::ServerSettings with_certificate(const TemporaryFolder& folder) {
  const std::string command = "cd " + folder.path().string() + " && " + documented_command() + " 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  auto settings = test_settings();
  settings.tls.certificate = folder.path() / "cert.pem";
  settings.tls.private_key = folder.path() / "key.pem";
  return settings;
}

nlohmann::json read(Socket& socket) {
  beast::flat_buffer buffer;
  socket.read(buffer);
  return nlohmann::json::parse(beast::buffers_to_string(buffer.data()));
}

}  // namespace

TEST_CASE("with a certificate sessions are encrypted, and HTTP/1.1 is chosen over HTTP/2",
          "[listener][tls]") {
  const TemporaryFolder folder;
  RunningServer server(with_certificate(folder));
  CHECK(server->url().starts_with("https://"));

  net::io_context context;
  net::ssl::context tls(net::ssl::context::tls_client);
  Socket socket(context, tls);
  beast::get_lowest_layer(socket).socket().connect({net::ip::address_v4::loopback(), server.port()});
  const unsigned char offered[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(socket.next_layer().native_handle(), offered, sizeof(offered) - 1);
  socket.next_layer().handshake(net::ssl::stream_base::client);
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(socket.next_layer().native_handle(), &chosen, &size);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");

  socket.handshake("localhost", "/v1/realtime");
  CHECK(read(socket)["type"] == "session.created");
  socket.write(net::buffer(std::string(
      R"({"type":"response.create","response":{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}]}})")));
  while (read(socket)["type"] != "response.done") {
  }
  socket.close(beast::websocket::close_code::normal);
}

TEST_CASE("plain text on the encrypted listener is hung up on", "[listener][tls]") {
  const TemporaryFolder folder;
  RunningServer server(with_certificate(folder));
  const std::string answer = raw_exchange(server.port(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(answer.find("200 OK") == std::string::npos);
  CHECK(RunningServer::eventually([&] { return server->counters().connections == 0; }));
}
