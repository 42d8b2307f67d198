// Who comes in, and how it is told: protocol.md 1.2, 12.3, 12.4 and the cases H of section 14.
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;

namespace {

server::ServerSettings with_keys() {
  auto settings = test_settings();
  settings.auth.keys = {"first-key", "second-key"};
  return settings;
}

const Headers good_key{{"Authorization", "Bearer second-key"}};

std::string subprotocol(const SocketClient& client) {
  return client.handshake().header("Sec-WebSocket-Protocol").value_or("");
}
bool has_subprotocol(const SocketClient& client) {
  return client.handshake().header("Sec-WebSocket-Protocol").has_value();
}

Headers offering(const std::string& subprotocols) { return {{"Sec-WebSocket-Protocol", subprotocols}}; }

// One error, then the close.
struct Farewell {
  std::string code, param;
  std::uint16_t close_code;
  std::string reason;
};
Farewell farewell(SocketClient& client) {
  REQUIRE(client.open());
  const Json error = client.read().json;
  REQUIRE(error["type"] == "error");
  const std::uint16_t code = client.expect_close();
  CHECK(client.seen().size() == 1);
  const Json& param = error["error"]["param"];
  return {error["error"]["code"], param.is_null() ? "" : param.get<std::string>(), code,
          client.close_reason()};
}

}  // namespace

TEST_CASE("H1: without an offer there is no subprotocol, and session.created comes first", "[listener]") {
  RunningServer server(with_keys());
  SocketClient client(server.port(), {.headers = good_key});
  CHECK(client.open());
  CHECK_FALSE(has_subprotocol(client));
  const Json created = client.read().json;
  CHECK(created["type"] == "session.created");
  CHECK(created["session"]["model"] == "scripted");
  CHECK_FALSE(created["session"].contains("native"));
}

TEST_CASE("H2: a key in the subprotocols opens the session and is not echoed", "[listener]") {
  RunningServer server(with_keys());
  SocketClient client(server.port(), {.headers = offering("realtime, openai-insecure-api-key.first-key")});
  CHECK(subprotocol(client) == "realtime");
  CHECK(client.read().json["type"] == "session.created");
}

TEST_CASE("H3: subprotocols that nobody knows are not answered", "[listener]") {
  RunningServer server;
  SocketClient client(server.port(), {.headers = offering("foo")});
  CHECK(client.open());
  CHECK_FALSE(has_subprotocol(client));
}

TEST_CASE("H4: the native subprotocol is preferred, and on before session.created", "[listener]") {
  RunningServer server;
  SocketClient client(server.port(), {.headers = offering("realtime, realtime.opus.v1")});
  CHECK(subprotocol(client) == "realtime.opus.v1");
  CHECK(client.read().json["session"].contains("native"));

  SocketClient by_query(server.port(), {.target = "/v1/realtime?model=scripted&native=1"});
  CHECK_FALSE(has_subprotocol(by_query));
  CHECK(by_query.read().json["session"].contains("native"));
}

TEST_CASE("H5: a wrong key is told so over the socket, which is then closed with 3000", "[listener]") {
  RunningServer server(with_keys());
  for (const Headers& headers : {Headers{{"Authorization", "Bearer wrong"}}, Headers{{"api-key", "wrong"}},
                                 offering("realtime, openai-insecure-api-key.wrong"),
                                 Headers{{"Authorization", "Bearer ek_forged"}}}) {
    SocketClient client(server.port(), {.headers = headers});
    const Farewell told = farewell(client);
    CHECK(told.code == "invalid_api_key");
    CHECK(told.close_code == 3000);
    CHECK(told.reason == "invalid_request_error.invalid_api_key");
  }
  CHECK(server->counters().sessions_opened == 0);
}

TEST_CASE("H6: no credential at all is refused before the upgrade", "[listener]") {
  RunningServer server(with_keys());
  SocketClient client(server.port());
  CHECK(client.handshake().status == 401);
  CHECK(Json::parse(client.handshake().body)["error"]["code"] == "invalid_api_key");
  // A key in the query is none unless the settings say so.
  SocketClient in_query(server.port(), {.target = "/v1/realtime?api_key=first-key"});
  CHECK(in_query.handshake().status == 401);
}

TEST_CASE("a key in the query opens a session where the settings allow it", "[listener]") {
  auto settings = with_keys();
  settings.auth.key_in_query = true;
  RunningServer server(settings);
  SocketClient client(server.port(), {.target = "/v1/realtime?api_key=first%2Dkey"});
  CHECK(client.read().json["type"] == "session.created");
}

TEST_CASE("H7: a page of another origin is refused, whatever its key", "[listener]") {
  auto settings = with_keys();
  settings.auth.origins = {"https://app.example.com"};
  RunningServer server(settings);
  const auto status = [&](const std::string& origin) {
    SocketClient client(server.port(), {.headers = {good_key[0], {"Origin", origin}}});
    return client.handshake().status;
  };
  CHECK(status("https://app.example.com") == 101);
  CHECK(status("https://APP.example.com:443") == 101);
  CHECK(status("http://127.0.0.1:" + std::to_string(server.port())) == 101);
  CHECK(status("https://evil-app.example.com") == 403);
  CHECK(status("https://app.example.com.evil.com") == 403);
  CHECK(status("http://app.example.com") == 403);
  CHECK(status("https://app.example.com:444") == 403);
  CHECK(status("null") == 403);
  CHECK(server->counters().refused[static_cast<std::size_t>(server::Refusal::origin)] == 5);
}

TEST_CASE("H8: the beta interface is told that it is gone", "[listener]") {
  RunningServer server;
  for (const Headers& headers :
       {Headers{{"OpenAI-Beta", "realtime=v1"}}, offering("realtime, openai-beta.realtime-v1")}) {
    SocketClient client(server.port(), {.headers = headers});
    const Farewell told = farewell(client);
    CHECK(told.code == "beta_api_shape_disabled");
    CHECK(told.close_code == 4000);
    CHECK(told.reason == "invalid_request_error.beta_api_shape_disabled");
  }
}

TEST_CASE("a WebRTC call cannot be attached to", "[listener]") {
  RunningServer server;
  SocketClient client(server.port(), {.target = "/v1/realtime?call_id=rtc_1"});
  const Farewell told = farewell(client);
  CHECK(told.code == "invalid_value");
  CHECK(told.param == "call_id");
  CHECK(told.close_code == 4000);
}

TEST_CASE("H9: plain HTTP on the session's address is told to upgrade", "[listener]") {
  RunningServer server;
  const auto response = http(server.port(), "GET", "/v1/realtime?model=x");
  CHECK(response.status == 426);
  CHECK(response.header("Upgrade") == "websocket");
}

TEST_CASE("H10: foreign model names are served by ours, which is echoed", "[listener]") {
  RunningServer server;
  for (const char* target :
       {"/v1/realtime?model=gpt-realtime", "/v1/realtime?model=anything", "/v1/realtime"}) {
    SocketClient client(server.port(), {.target = target});
    CHECK(client.read().json["session"]["model"] == "scripted");
  }
}

TEST_CASE("H11: a strict server refuses unknown models over the socket, and takes aliases", "[listener]") {
  auto settings = test_settings();
  settings.names.strict_models = true;
  RunningServer server(settings);
  SocketClient unknown(server.port(), {.target = "/v1/realtime?model=nope"});
  const Farewell told = farewell(unknown);
  CHECK(told.code == "invalid_model");
  CHECK(told.close_code == 4000);
  SocketClient alias(server.port(), {.target = "/v1/realtime?model=gpt-realtime-2.1"});
  CHECK(alias.read().json["type"] == "session.created");
}

TEST_CASE("without keys every credential and none opens a session", "[listener]") {
  RunningServer server;
  for (const Headers& headers : {Headers{}, Headers{{"Authorization", "Bearer sk-placeholder"}},
                                 offering("realtime, openai-insecure-api-key.ek_placeholder")}) {
    SocketClient client(server.port(), {.headers = headers});
    CHECK(client.read().json["type"] == "session.created");
  }
}

TEST_CASE("H12: an ephemeral key brings its session along, and ends with its time", "[listener]") {
  RunningServer server(with_keys());
  const auto mint = [&](const Json& body, const Headers& headers) {
    return http(server.port(), "POST", "/v1/realtime/client_secrets", body.dump(), headers);
  };
  CHECK(mint({}, {}).status == 401);
  CHECK(mint({{"expires_after", {{"anchor", "created_at"}, {"seconds", 5}}}}, good_key).status == 400);
  CHECK(mint({{"session", {{"type", "realtime"}, {"nonsense", 1}}}}, good_key).status == 400);

  const auto response =
      mint({{"session", {{"type", "realtime"}, {"instructions", "Speak like a pirate."}}}}, good_key);
  REQUIRE(response.status == 200);
  const Json secret = Json::parse(response.body);
  CHECK(secret["value"].get<std::string>().starts_with("ek_"));
  CHECK(secret["session"]["object"] == "realtime.session");
  CHECK(secret["session"]["instructions"] == "Speak like a pirate.");

  const std::string key = secret["value"];
  SocketClient client(server.port(), {.headers = offering("realtime, openai-insecure-api-key." + key)});
  CHECK(client.read().json["session"]["instructions"] == "Speak like a pirate.");
  // An ephemeral key mints no others.
  CHECK(mint({}, {{"Authorization", "Bearer " + key}}).status == 401);
}
