// Conversations over a real socket, in JSON: what is ours to get right between the wire and the state
// machine. What the events say is tested in test/server/conversation/.
#include <set>
#include <thread>

#include "protocol/base64/base64.hpp"
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"
#include "test/support/speech.hpp"
#include "test/support/wire_rules.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;

namespace {

const Json push_to_talk{
    {"type", "session.update"},
    {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", nullptr}}}}}}}};
const Json commit{{"type", "input_audio_buffer.commit"}};
std::string error_code(const Json& event) { return event["error"]["code"]; }

std::vector<std::byte> audio_of(const SocketClient& client) {
  std::vector<std::byte> audio;
  for (const Json& delta : client.all("response.output_audio.delta")) {
    const auto bytes = protocol::base64::decode(delta["delta"].get<std::string>());
    REQUIRE(bytes);
    audio.insert(audio.end(), bytes->begin(), bytes->end());
  }
  return audio;
}

std::string transcript_of(const SocketClient& client) {
  std::string text;
  for (const Json& delta : client.all("response.output_audio_transcript.delta")) text += delta["delta"];
  return text;
}

void check_wire(const SocketClient& client) {
  for (const auto& message : client.seen())
    if (!message.binary())
      for (const auto& violation : wire_violations(message.json)) FAIL_CHECK(violation);
}

}  // namespace

TEST_CASE("S2: what the client says first is answered after session.created", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(push_to_talk);
  CHECK(client.read().json["type"] == "session.created");
  CHECK(client.read().json["type"] == "session.updated");
}

TEST_CASE("a typed message is answered in sound and words, as one makes them", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(user_text("hello there"));
  client.say(respond);
  const Json done = client.expect("response.done");
  CHECK(done["response"]["status"] == "completed");
  CHECK(transcript_of(client) == "You said hello there.");
  CHECK(audio_of(client).size() == 4 * 4 * 960 * 2);  // 4 words of 4 tokens of 40 ms
  check_wire(client);
}

TEST_CASE("a spoken sentence becomes a turn by itself", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  append_all(client, at_24khz(spoken_sentence()));
  const Json started = client.expect("input_audio_buffer.speech_started");
  // The sentence begins some 0.4 s into the recording, and 0.3 s before it belong to it.
  CHECK(started["audio_start_ms"].get<int>() > 200);
  CHECK(started["audio_start_ms"].get<int>() < 1200);
  CHECK(client.expect("input_audio_buffer.committed")["item_id"] == started["item_id"]);
  const Json done = client.expect("response.done");
  CHECK(done["response"]["status"] == "completed");
  CHECK(audio_of(client).size() > 0);
  check_wire(client);
}

TEST_CASE("the sound of telephones goes both ways", "[listener][session]") {
  RunningServer server;
  const std::string format = GENERATE("audio/pcmu", "audio/pcma");
  SocketClient client(server.port());
  const Json telephone{{"format", {{"type", format}}}};
  client.say({{"type", "session.update"},
              {"session",
               {{"type", "realtime"},
                {"audio",
                 {{"input", {{"format", {{"type", format}}}, {"turn_detection", nullptr}}},
                  {"output", telephone}}}}}});
  client.expect("session.updated");
  const std::string second(8000, '\xFF');
  client.say({{"type", "input_audio_buffer.append"},
              {"audio", protocol::base64::encode(std::as_bytes(std::span(second)))}});
  client.say(commit);
  client.say(respond);
  client.expect("response.done");
  CHECK(transcript_of(client).starts_with("You said 1000 ms"));
  // 40 ms a token at 8 kHz: a byte a sample
  const std::size_t words = 5;
  CHECK(audio_of(client).size() == words * 4 * 320);
}

TEST_CASE("S12: broken JSON is told so, and the next event works", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  for (const char* text :
       {"{bad", "", "[]", "{\"x\":1}", "\"text\"", "{\"type\":\"foo.bar\"}", "{\"type\":7}"}) {
    client.say_text(text);
    CHECK(client.read().json["type"] == "error");
  }
  client.say(push_to_talk);
  CHECK(client.read().json["type"] == "session.updated");
  check_wire(client);
}

TEST_CASE("A1, A2: less than 100 ms cannot be committed", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(push_to_talk);
  client.expect("session.updated");
  client.say(commit);
  CHECK(error_code(client.read().json) == "input_audio_buffer_commit_empty");
  client.say(append_event(silence(60, 24000)));
  client.say(commit);
  const Json error = client.read().json;
  CHECK(error_code(error) == "input_audio_buffer_commit_empty");
  CHECK(error["error"]["message"].get<std::string>().find("60.00ms") != std::string::npos);
}

TEST_CASE("A3: 100 ms can, and become an item", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(push_to_talk);
  client.expect("session.updated");
  client.say(append_event(silence(100, 24000)));
  client.say(commit);
  const Json committed = client.read().json;
  CHECK(committed["type"] == "input_audio_buffer.committed");
  const Json added = client.read().json;
  CHECK(added["type"] == "conversation.item.added");
  CHECK(added["item"]["id"] == committed["item_id"]);
  CHECK(client.read().json["type"] == "conversation.item.done");
}

TEST_CASE("A4, A5: audio that is no base64, or missing", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  client.say({{"type", "input_audio_buffer.append"}, {"audio", "***"}, {"event_id", "mine"}});
  const Json error = client.read().json;
  CHECK(error_code(error) == "invalid_value");
  CHECK(error["error"]["param"] == "audio");
  CHECK(error["error"]["event_id"] == "mine");
  client.say({{"type", "input_audio_buffer.append"}});
  CHECK(error_code(client.read().json) == "missing_required_parameter");
}

TEST_CASE("A6: samples that are split between appends stay whole", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(push_to_talk);
  client.expect("session.updated");
  const auto pcm = silence(300, 24000);
  const auto bytes = std::as_bytes(std::span(pcm));
  for (std::size_t at = 0; at < bytes.size(); at += 4801) {
    const auto piece = bytes.subspan(at, std::min<std::size_t>(4801, bytes.size() - at));
    client.say({{"type", "input_audio_buffer.append"}, {"audio", protocol::base64::encode(piece)}});
  }
  client.say(commit);
  client.say(respond);
  client.expect("response.done");
  CHECK(transcript_of(client).starts_with("You said 300 ms"));
}

TEST_CASE("a minute of speech in one message is heard to its end", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.say(push_to_talk);
  client.say(append_event(silence(60'000, 24000)));
  client.say(commit);
  client.say(respond);
  client.expect("response.done");
  CHECK(transcript_of(client).starts_with("You said 60000 ms"));
}

TEST_CASE("audio inside an item is heard as if it had been spoken", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  const auto pcm = silence(500, 24000);
  client.say(
      {{"type", "conversation.item.create"},
       {"item",
        {{"type", "message"},
         {"role", "user"},
         {"content", Json::array({{{"type", "input_audio"},
                                   {"audio", protocol::base64::encode(std::as_bytes(std::span(pcm)))}}})}}}});
  client.say(respond);
  client.expect("response.done");
  CHECK(transcript_of(client).starts_with("You said 500 ms"));
}

TEST_CASE("two sessions at once are told their own answers alone", "[listener][session]") {
  RunningServer server;
  std::vector<std::unique_ptr<SocketClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<SocketClient>(server.port()));
    clients.back()->say(user_text("my number is " + std::to_string(i)));
  }
  for (auto& client : clients) client->say(respond);
  std::set<std::vector<std::byte>> sounds;
  for (int i = 0; i < 8; ++i) {
    clients[static_cast<std::size_t>(i)]->expect("response.done");
    CHECK(transcript_of(*clients[static_cast<std::size_t>(i)]) ==
          "You said my number is " + std::to_string(i) + ".");
    sounds.insert(audio_of(*clients[static_cast<std::size_t>(i)]));
  }
  CHECK(sounds.size() == 8);  // the scripted voice says no two texts alike
}

TEST_CASE("a session that ends takes its running turn along", "[listener][session]") {
  Script script;
  script.answer = [](const engine::TurnRequest&, const std::string&) {
    std::string words;
    for (int i = 0; i < 2000; ++i) words += "word ";
    return words;
  };
  script.before_pass = [](engine::WorkKind, int, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  RunningServer server(test_settings(), script);
  SocketClient client(server.port());
  client.say(user_text("talk"));
  client.say(respond);
  client.expect("response.output_audio.delta");
  client.drop();
  CHECK(RunningServer::eventually([&] { return server->engine_status().dialogues == 0; }));
  CHECK(server->engine_status().turns_running == 0);
}

TEST_CASE("a client that says goodbye is answered, and its session ends", "[listener][session]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  client.close();
  CHECK(RunningServer::eventually([&] { return server->counters().sessions == 0; }));
}
