// Cases A of protocol.md 14, on the wire: what is appended, committed and cleared.
#include "protocol/base64/base64.hpp"
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;

const Json commit{{"type", "input_audio_buffer.commit"}};

// So many ms of silence in PCM16 at 24 kHz.
Json append(int ms) {
  const protocol::Bytes audio(static_cast<std::size_t>(ms) * 48);
  return {{"type", "input_audio_buffer.append"}, {"audio", protocol::base64::encode(audio)}};
}

TEST_CASE("A1: committing an empty buffer is refused", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(commit);
  CHECK(client.refusals() == Types{"input_audio_buffer_commit_empty -"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
        "only has 0.00ms of audio.");
}

TEST_CASE("A2: committing 60 ms is refused and the message says 60.00ms", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(append(60));
  client.say(commit);
  CHECK(client.refusals() == Types{"input_audio_buffer_commit_empty -"});
  const auto message = client.latest("error")["error"]["message"].get<std::string>();
  CHECK(message.find("only has 60.00ms of audio") != std::string::npos);
  // They are still there: 40 more make it enough.
  client.say(append(40));
  client.say(commit);
  CHECK(client.dialogue(2) ==
        Types{"input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"});
}

TEST_CASE("A3: 100 ms are committed, added and done under one item id", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(append(100));
  client.say(commit);
  REQUIRE(client.dialogue(1) ==
          Types{"input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"});
  const Json committed = client.latest("input_audio_buffer.committed");
  CHECK(committed["previous_item_id"].is_null());
  for (const char* type : {"conversation.item.added", "conversation.item.done"}) {
    const Json item = client.latest(type)["item"];
    CHECK(item["id"] == committed["item_id"]);
    CHECK(item["role"] == "user");
    CHECK(item["status"] == "completed");
    CHECK(item["content"] == Json::parse(R"([{"type":"input_audio","transcript":null}])"));
  }
  client.say(append(200));
  client.say(commit);
  CHECK(client.latest("input_audio_buffer.committed")["previous_item_id"] == committed["item_id"]);
}

TEST_CASE("A4: audio that is not base64, or none, is refused by its parameter", "[conformance]") {
  WireFixture client(push_to_talk_session());
  const std::string audio = GENERATE("***", "AAA", "AAAA\n", "====", "AA==AA==", "");
  CAPTURE(audio);
  client.say(Json{{"type", "input_audio_buffer.append"}, {"audio", audio}});
  CHECK(client.refusals() == Types{"invalid_value audio"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got " +
            std::string(audio.empty() ? "empty bytes." : "an invalid value."));
  client.say(commit);
  CHECK(client.refusals().back() == "input_audio_buffer_commit_empty -");
}

TEST_CASE("A5: an append without audio is refused as lacking it", "[conformance]") {
  WireFixture client;
  client.say(R"({"type":"input_audio_buffer.append"})");
  client.say(R"({"type":"input_audio_buffer.append","audio":17})");
  CHECK(client.refusals() == Types{"missing_required_parameter audio", "invalid_type audio"});
}

TEST_CASE("A7: what was cleared cannot be committed", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(append(1000));
  client.say(R"({"type":"input_audio_buffer.clear"})");
  client.say(commit);
  CHECK(client.dialogue(1) == Types{"input_audio_buffer.cleared", "error"});
  CHECK(client.refusals() == Types{"input_audio_buffer_commit_empty -"});
}

TEST_CASE("A7: clearing during detected speech takes the announced item back and the clock goes on",
          "[conformance]") {
  WireFixture client;
  client.hum(1000);
  const auto announced = client.latest("input_audio_buffer.speech_started")["item_id"];
  client.say(R"({"type":"input_audio_buffer.clear"})");
  client.hush(1000);
  CHECK(client.dialogue(1) == Types{"input_audio_buffer.speech_started", "input_audio_buffer.cleared"});
  client.hum(1000);
  const Json next = client.latest("input_audio_buffer.speech_started");
  CHECK(next["item_id"] != announced);
  CHECK(next["audio_start_ms"].get<int>() == Approx(2000 - 300).margin(60));
}

TEST_CASE("A9: a commit during detected speech uses the announced item and no speech_stopped follows",
          "[conformance]") {
  WireFixture client;
  client.hum(1000);
  const auto announced = client.latest("input_audio_buffer.speech_started")["item_id"];
  client.say(commit);
  client.hush(1000);
  CHECK(client.dialogue(1) == Types{"input_audio_buffer.speech_started", "input_audio_buffer.committed",
                                    "conversation.item.added", "conversation.item.done"});
  CHECK(client.latest("input_audio_buffer.committed")["item_id"] == announced);
}

}  // namespace
}  // namespace parley::conversation
