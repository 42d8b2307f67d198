// The encrypted listener, with a certificate made as the setting tls.certificate says.
#include <cstdlib>

#include "config/settings.hpp"
#include "server/settings/register.hpp"
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::test;

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

}  // namespace

TEST_CASE("with a certificate sessions are encrypted, and HTTP/1.1 is chosen over HTTP/2",
          "[listener][tls]") {
  const TemporaryFolder folder;
  RunningServer server(with_certificate(folder));
  CHECK(server->url().starts_with("https://"));

  SocketClient client(server.port(), {.target = "/v1/realtime", .tls = true});
  CHECK(client.chosen_protocol() == "http/1.1");

  client.expect("session.created");
  client.say_text(
      R"({"type":"response.create","response":{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}]}})");
  client.expect("response.done");
  client.close();
}

TEST_CASE("plain text on the encrypted listener is hung up on", "[listener][tls]") {
  const TemporaryFolder folder;
  RunningServer server(with_certificate(folder));
  const std::string answer = raw_exchange(server.port(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(answer.find("200 OK") == std::string::npos);
  CHECK(RunningServer::eventually([&] { return server->counters().connections == 0; }));
}
