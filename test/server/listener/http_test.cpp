// Plain HTTP: what there is, what is refused, and what comes of things that are no requests.
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;

TEST_CASE("health, readiness, metrics and models are there", "[listener][http]") {
  RunningServer server;
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
  const auto ready = http(server.port(), "GET", "/readyz");
  CHECK(ready.status == 200);
  CHECK(Json::parse(ready.body)["slots"] == 64);
  const auto metrics = http(server.port(), "GET", "/metrics");
  CHECK(metrics.status == 200);
  CHECK(metrics.body.find("parley_sessions 0") != std::string::npos);
  const Json models = Json::parse(http(server.port(), "GET", "/v1/models").body);
  CHECK(models["object"] == "list");
  CHECK(models["data"][0]["id"] == "scripted");
  CHECK(http(server.port(), "GET", "/v1/models/scripted").status == 200);
  CHECK(http(server.port(), "GET", "/v1/models/other").status == 404);
}

TEST_CASE("what is not served answers 404 in JSON", "[listener][http]") {
  RunningServer server;
  for (const char* target :
       {"/v1/realtime/calls", "/v1/realtime/translations", "/nothing", "/../etc/passwd"}) {
    const auto response =
        http(server.port(), std::string_view(target).starts_with("/v1") ? "POST" : "GET", target);
    CHECK(response.status == 404);
    CHECK(Json::parse(response.body)["error"]["type"] == "invalid_request_error");
  }
}

TEST_CASE("other methods answer 405 and say which there are", "[listener][http]") {
  RunningServer server;
  const auto deleted = http(server.port(), "DELETE", "/healthz");
  CHECK(deleted.status == 405);
  CHECK(deleted.header("Allow") == "GET, HEAD");
  CHECK(http(server.port(), "GET", "/v1/realtime/client_secrets").status == 405);
}

TEST_CASE("HEAD answers as GET does, without the body", "[listener][http]") {
  RunningServer server;
  const auto head = http(server.port(), "HEAD", "/v1/models");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.header("Content-Length") ==
        std::to_string(http(server.port(), "GET", "/v1/models").body.size()));
}

TEST_CASE("with keys, models and metrics need one", "[listener][http]") {
  auto settings = test_settings();
  settings.auth.keys = {"key"};
  RunningServer server(settings);
  CHECK(http(server.port(), "GET", "/v1/models").status == 401);
  CHECK(http(server.port(), "GET", "/v1/models", {}, {{"Authorization", "Bearer key"}}).status == 200);
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
  CHECK(http(server.port(), "GET", "/metrics").status == 200);  // from this machine
  CHECK(http(server.port(), "GET", "/metrics", {}, {{"X-Forwarded-For", "1.2.3.4"}}).status == 401);
}

TEST_CASE("page files carry their type, their etag and a policy", "[listener][http]") {
  RunningServer server(test_settings(), {}, [](std::string_view path) -> std::optional<server::PageFile> {
    if (path != "/") return std::nullopt;
    return server::PageFile{"text/html; charset=utf-8", "<p>talk</p>", "\"1\""};
  });
  const auto page = http(server.port(), "GET", "/?key=1");
  CHECK(page.status == 200);
  CHECK(page.body == "<p>talk</p>");
  CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
  CHECK(page.header("X-Content-Type-Options") == "nosniff");
  CHECK(page.header("Content-Security-Policy")->find("default-src 'self'") != std::string::npos);
  const auto again = http(server.port(), "GET", "/", {}, {{"If-None-Match", "\"1\""}});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
}

TEST_CASE("one connection serves several requests", "[listener][http]") {
  RunningServer server;
  const std::string answers = raw_exchange(server.port(),
                                           "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                           "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::size_t count = 0;
  for (std::size_t at = answers.find("200 OK"); at != std::string::npos; at = answers.find("200 OK", at + 1))
    ++count;
  CHECK(count == 2);
}

TEST_CASE("what is too large or no HTTP is told so, and the connection closed", "[listener][http]") {
  auto settings = test_settings();
  settings.limits.header_bytes = 2048;
  settings.limits.body_bytes = 2048;
  RunningServer server(settings);
  const auto status = [&](const std::string& bytes) {
    return raw_exchange(server.port(), bytes).substr(0, 12);
  };
  const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  CHECK(status(long_header) == "HTTP/1.1 431");
  CHECK(status("POST /v1/realtime/client_secrets HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" +
               std::string(100'000, ' ')) == "HTTP/1.1 413");
  CHECK(status("\x16\x03\x01\x02 this is TLS\r\n\r\n") == "HTTP/1.1 400");
  CHECK(status("GET\r\n\r\n") == "HTTP/1.1 400");
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
}

TEST_CASE("a header that trickles in is cut off when its time is up", "[listener][http]") {
  auto settings = test_settings();
  settings.limits.handshake = std::chrono::milliseconds(150);
  settings.limits.keep_alive = std::chrono::milliseconds(150);
  RunningServer server(settings);
  CHECK(raw_exchange(server.port(), "GET / HTTP/1.1\r\nHost: x\r\nX-Slow:").empty());
  CHECK(raw_exchange(server.port(), "").empty());
  CHECK(RunningServer::eventually([&] { return server->counters().connections == 0; }));
}

TEST_CASE("more connections than the server takes are closed at once", "[listener][http]") {
  auto settings = test_settings();
  settings.limits.connections = 1;
  RunningServer server(settings);
  SocketClient first(server.port());
  CHECK(first.open());
  CHECK(raw_exchange(server.port(), "").empty());
  first.drop();
  CHECK(RunningServer::eventually([&] { return server->counters().connections == 0; }));
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
}
