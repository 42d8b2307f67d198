// The end of a server: what runs is finished, what is new is refused.
#include <thread>

#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;
using std::chrono::milliseconds;

namespace {

// Answers with `words` words, and takes a while over it.
Script slow_answers(int words) {
  Script script;
  script.answer = [words](const engine::TurnRequest&, const std::string&) {
    std::string answer;
    for (int i = 0; i < words; ++i) answer += "word ";
    return answer;
  };
  script.before_pass = [](engine::WorkKind, int, int) { std::this_thread::sleep_for(milliseconds(1)); };
  return script;
}

}  // namespace

TEST_CASE("L8: drained, a server finishes its answers, closes with 1012 and ends", "[serve]") {
  RunningServer server(test_settings(), slow_answers(60));
  SocketClient idle(server.port());
  idle.expect("session.created");
  SocketClient busy(server.port());
  busy.say(user_text("talk"));
  busy.say(respond);
  busy.expect("response.output_audio.delta");
  server->drain();
  CHECK(idle.expect_close() == 1012);
  CHECK(busy.expect("response.done")["response"]["status"] == "completed");
  CHECK(busy.expect_close() == 1012);
  server.join();
}

TEST_CASE("a drained server takes no new connections", "[serve]") {
  RunningServer server(test_settings(), slow_answers(400));
  SocketClient busy(server.port());
  busy.say(user_text("talk"));
  busy.say(respond);
  busy.expect("response.output_audio.delta");
  server->drain();
  CHECK(RunningServer::eventually([&] {
    try {
      http(server.port(), "GET", "/readyz");
      return false;
    } catch (const std::exception&) {
      return true;
    }
  }));
}

TEST_CASE("an answer that takes too long does not keep a drained server alive", "[serve]") {
  auto settings = test_settings();
  settings.conversation.drain_limit = milliseconds(100);
  RunningServer server(settings, slow_answers(100'000));
  SocketClient busy(server.port());
  busy.say(user_text("talk"));
  busy.say(respond);
  busy.expect("response.output_audio.delta");
  server->drain();
  CHECK(busy.expect_close() == 1012);
  server.join();
}

TEST_CASE("a client that does not even close cannot keep a drained server alive", "[serve]") {
  auto settings = test_settings();
  settings.conversation.drain_limit = milliseconds(50);
  settings.limits.close = milliseconds(60'000);
  settings.drain = milliseconds(200);
  RunningServer server(settings);
  SocketClient deaf(server.port());
  deaf.expect("session.created");
  server->drain();
  server.join();  // the client reads nothing, so never answers the close
}

TEST_CASE("a server that cannot start says why", "[serve]") {
  const auto reason = [](server::ServerSettings settings) {
    try {
      RunningServer server(std::move(settings));
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("it started");
  };
  auto open_to_all = test_settings();
  open_to_all.listen = "0.0.0.0:0";
  CHECK(reason(open_to_all).find("auth.keys") != std::string::npos);
  RunningServer first;
  auto taken = test_settings();
  taken.listen = "127.0.0.1:" + std::to_string(first.port());
  CHECK(reason(taken).find("Address already in use") != std::string::npos);
  auto half_tls = test_settings();
  half_tls.tls.certificate = "/nowhere/cert.pem";
  CHECK(reason(half_tls).find("tls.private_key") != std::string::npos);
  half_tls.tls.private_key = "/nowhere/key.pem";
  CHECK(reason(half_tls).find("/nowhere/cert.pem") != std::string::npos);
}

TEST_CASE("a model whose pass hangs fails /healthz", "[serve]") {
  auto settings = test_settings();
  settings.engine.stuck_after = milliseconds(50);
  std::atomic<bool> hang = true;
  Script script;
  script.before_pass = [&hang](engine::WorkKind, int, int) {
    while (hang) std::this_thread::sleep_for(milliseconds(1));
  };
  RunningServer server(settings, script);
  CHECK(http(server.port(), "GET", "/healthz").status == 200);
  SocketClient client(server.port());
  client.say(user_text("talk"));
  client.say(respond);
  CHECK(RunningServer::eventually([&] { return http(server.port(), "GET", "/healthz").status == 503; }));
  hang = false;
  client.expect("response.done");
  CHECK(RunningServer::eventually([&] { return http(server.port(), "GET", "/healthz").status == 200; }));
}
