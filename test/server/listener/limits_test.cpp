// What a client may do to the server, and what comes of it: the cases L of protocol.md 14, and things that
// nobody should send.
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"
#include "test/support/speech.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;
using std::chrono::milliseconds;

namespace {

Script endless_answers() {
  Script script;
  script.answer = [](const engine::TurnRequest&, const std::string& said) {
    if (said != "talk") return "You said " + said + ".";
    std::string words;
    for (int i = 0; i < 4000; ++i) words += "word ";
    return words;
  };
  return script;
}

// A masked text frame, as a client sends it, or the beginning of one.
std::string masked_frame(std::string_view text, unsigned char first_byte = 0x81) {
  std::string frame{static_cast<char>(first_byte), static_cast<char>(0x80 | text.size())};
  frame += std::string(4, '\0');  // a mask of zeros
  frame += text;
  return frame;
}

}  // namespace

TEST_CASE("L1: a message over the limit closes with 1009, and memory follows what has come",
          "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.message_bytes = 256 * 1024;
  RunningServer server(settings);
  SocketClient client(server.port());
  client.expect("session.created");
  SECTION("a whole one") {
    client.say_text("{\"type\":\"" + std::string(1024 * 1024, 'x') + "\"}");
    CHECK(client.expect_close() == 1009);
    CHECK(client.close_reason() == "message too large");
  }
  SECTION("one that is only promised, by its frame's header") {
    client.send_raw(std::string("\x81\xFF\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 14));
    CHECK(client.expect_close() == 1009);
  }
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 0; }));
}

TEST_CASE("L2: a client that never reads loses its session, and others notice nothing",
          "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.slow_consumer = milliseconds(300);
  settings.limits.close = milliseconds(200);
  settings.limits.outgoing_bytes = 64 * 1024;
  settings.limits.event_bytes = 64 * 1024 * 1024;
  RunningServer server(settings, endless_answers());
  SocketClient deaf(server.port(), {.reads_little = true});
  deaf.say(user_text("talk"));
  deaf.say(respond);
  SocketClient other(server.port());
  other.say(user_text("hello"));
  other.say(respond);
  CHECK(other.expect("response.done")["response"]["status"] == "completed");
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 1; }));
  CHECK(server->counters().slow_consumers >= 1);
  CHECK(RunningServer::eventually([&] { return server->engine_status().turns_running == 0; }));
  other.say(respond);
  CHECK(other.expect("response.done")["response"]["status"] == "completed");
}

TEST_CASE("a client that asks and never reads is no longer read, and then loses its session",
          "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.slow_consumer = milliseconds(300);
  settings.limits.close = milliseconds(200);
  settings.limits.outgoing_bytes = 64 * 1024;
  RunningServer server(settings);
  SocketClient deaf(server.port(), {.reads_little = true});
  // Each is answered with the session's whole object; the server takes only so many of them.
  const Json update{{"type", "session.update"},
                    {"session", {{"type", "realtime"}, {"instructions", std::string(20'000, 'x')}}}};
  int said = 0;
  try {
    for (; said < 5000; ++said) deaf.say(update);
  } catch (const std::runtime_error&) {  // the server has hung up
  }
  CHECK(said < 5000);
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 0; }));
  CHECK(server->counters().slow_consumers == 1);
  CHECK(server->counters().text_in < 1000);
}

TEST_CASE("an engine that is too far ahead of a client that does not read is not kept waiting",
          "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.slow_consumer = milliseconds(60'000);
  settings.limits.close = milliseconds(200);
  settings.limits.outgoing_bytes = 64 * 1024;
  settings.limits.event_bytes = 256 * 1024;
  RunningServer server(settings, endless_answers());
  SocketClient deaf(server.port(), {.reads_little = true});
  deaf.say(user_text("talk"));
  deaf.say(respond);
  CHECK(RunningServer::eventually([&] { return server->engine_status().slow_sinks == 1; }));
  CHECK(RunningServer::eventually([&] { return server->engine_status().turns_running == 0; }));
}

TEST_CASE("L2: what a client did not read in time is followed by 1008", "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.slow_consumer = milliseconds(60'000);
  settings.limits.close = milliseconds(20'000);
  settings.limits.outgoing_bytes = 64 * 1024;
  settings.limits.event_bytes = 256 * 1024;
  RunningServer server(settings, endless_answers());
  SocketClient late(server.port(), {.reads_little = true});
  late.say(user_text("talk"));
  late.say(respond);
  REQUIRE(RunningServer::eventually([&] { return server->engine_status().slow_sinks == 1; }));
  CHECK(late.expect_close() == 1008);
  CHECK(late.close_reason() == "slow_consumer");
  const auto done = late.all("response.done");
  REQUIRE(done.size() == 1);
  CHECK(done[0]["response"]["status_details"]["error"]["code"] == "slow_consumer");
}

TEST_CASE("L3: a client without a sign of life is gone at the idle limit; one that answers pings stays",
          "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.idle = milliseconds(200);
  RunningServer server(settings);
  SocketClient silent(server.port());
  SocketClient alive(server.port());
  silent.expect("session.created");
  alive.expect("session.created");
  // Only who reads answers pings: one keeps reading, for three idle limits and more.
  std::thread reader([&] { alive.read_or_closed(); });
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 1; }));
  std::this_thread::sleep_for(milliseconds(700));
  CHECK(server->counters().sessions == 1);
  CHECK(server->counters().connections == 1);
  silent.drop();
  server->stop();
  server.join();
  alive.drop();
  reader.join();
}

TEST_CASE("L4: the sessions of one address are limited", "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.sessions_per_address = 2;
  settings.limits.unlimited_addresses = {};
  settings.limits.proxies = {"127.0.0.1"};
  RunningServer server(settings);
  SocketClient first(server.port()), second(server.port());
  SocketClient third(server.port());
  CHECK(third.handshake().status == 429);
  CHECK(third.handshake().header("Retry-After") == "2");
  CHECK(Json::parse(third.handshake().body)["error"]["code"] == "rate_limit_exceeded");
  // Behind a proxy it is the client's address that counts, as the proxy tells it.
  SocketClient elsewhere(server.port(), {.headers = {{"X-Forwarded-For", "6.6.6.6, 10.0.0.1"}}});
  CHECK(elsewhere.open());
  second.drop();
  CHECK(RunningServer::eventually([&] { return SocketClient(server.port()).open(); }));
}

TEST_CASE("a full server refuses with 503 and says when to come back", "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.sessions = 1;
  RunningServer server(settings);
  SocketClient first(server.port());
  CHECK(first.open());
  SocketClient second(server.port());
  CHECK(second.handshake().status == 503);
  CHECK(second.handshake().header("Retry-After") == "2");
  CHECK(Json::parse(second.handshake().body)["error"]["code"] == "engine_overloaded");
  CHECK(http(server.port(), "GET", "/readyz").status == 503);
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
}

TEST_CASE("an engine without a free slot refuses sessions with 503", "[listener][limits]") {
  auto settings = test_settings();
  settings.engine.slots = 1;
  Script script = endless_answers();
  script.before_pass = [](engine::WorkKind, int, int) { std::this_thread::sleep_for(milliseconds(1)); };
  RunningServer server(settings, script);
  SocketClient busy(server.port());
  busy.say(user_text("talk"));
  busy.say(respond);
  busy.expect("response.output_audio.delta");
  CHECK(RunningServer::eventually([&] { return !server->engine_status().accepting; }));
  SocketClient refused(server.port());
  CHECK(refused.handshake().status == 503);
  CHECK(refused.handshake().header("Retry-After").has_value());
}

TEST_CASE("L5: a session that is too old is told so and closed with 1001", "[listener][limits]") {
  auto settings = test_settings();
  settings.conversation.session_limit = milliseconds(150);
  RunningServer server(settings);
  SocketClient client(server.port());
  CHECK(client.expect("error")["error"]["code"] == "session_expired");
  CHECK(client.expect_close() == 1001);
}

TEST_CASE("L6: text that is not UTF-8 and frames without a mask end the session", "[listener][limits]") {
  RunningServer server;
  SocketClient not_utf8(server.port());
  not_utf8.expect("session.created");
  not_utf8.say_text("{\"type\":\"\xFF\xFE\"}");
  CHECK(not_utf8.expect_close() == 1007);
  SocketClient unmasked(server.port());
  unmasked.expect("session.created");
  unmasked.send_raw(std::string("\x81\x02{}", 4));
  CHECK(unmasked.expect_close() == 1002);
  for (int i = 0; i < 50; ++i) {  // while the server is still writing its first event
    SocketClient hasty(server.port());
    hasty.send_raw(std::string("\x81\x02{}", 4));
    CHECK(hasty.expect_close() == 1002);
  }
}

TEST_CASE("L7: a message in fragments with a ping between them is one event", "[listener][limits]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  client.send_raw(masked_frame("{\"type\":\"session.", 0x01) + masked_frame("", 0x89) +
                  masked_frame("update\",\"session\":{\"type\":\"realtime\"}}", 0x80));
  CHECK(client.read().json["type"] == "session.updated");
}

TEST_CASE("half a frame and then nothing ends at the idle limit", "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.idle = milliseconds(150);
  RunningServer server(settings);
  SocketClient client(server.port());
  client.expect("session.created");
  client.send_raw(std::string("\x81\xFE\x10\x00\x00\x00\x00\x00{\"type\"", 15));
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 0; }));
}

TEST_CASE("fifty errors in a row close with 1008", "[listener][limits]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  for (int i = 0; i < 51; ++i) client.say_text("junk");
  CHECK(client.expect_close() == 1008);
  CHECK(client.all("error").size() <= 51);
  CHECK(server->counters().errors[static_cast<std::size_t>(protocol::ErrorCode::invalid_json)] >= 50);
}

TEST_CASE("a client that sends faster than it may is read later, not refused", "[listener][limits]") {
  auto settings = test_settings();
  settings.limits.text_messages_per_s = 50;  // after a burst of 100
  RunningServer server(settings);
  SocketClient client(server.port());
  client.expect("session.created");
  const auto start = std::chrono::steady_clock::now();
  const Json update{{"type", "session.update"}, {"session", {{"type", "realtime"}}}};
  for (int i = 0; i < 110; ++i) client.say(update);
  for (int i = 0; i < 110; ++i) CHECK(client.read().json["type"] == "session.updated");
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took > milliseconds(150));  // ten too many at 50 a second
}

TEST_CASE("a storm of connections that come and go leaves nothing behind", "[listener][limits]") {
  RunningServer server;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<SocketClient>> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<SocketClient>(server.port()));
    clients[0]->say(user_text("hello"));
    clients[0]->say(respond);
  }
  CHECK(RunningServer::eventually([&] { return server->counters().connections == 0; }));
  CHECK(server->counters().sessions == 0);
  CHECK(server->counters().sessions_opened == 200);
  CHECK(RunningServer::eventually([&] { return server->engine_status().dialogues == 0; }));
  SocketClient after(server.port());
  CHECK(after.read().json["type"] == "session.created");
}
