// Cases S of protocol.md 14, on the wire.
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;

Json update(const Json& session) {
  Json event{{"type", "session.update"}, {"session", session}};
  event["session"]["type"] = "realtime";
  return event;
}

TEST_CASE("S1: session.created is the whole session object of the GA shape", "[conformance]") {
  WireFixture client;
  REQUIRE(client.dialogue() == Types{"session.created"});
  Json session = client.latest("session.created")["session"];
  CHECK(session["id"] == "sess_test");
  CHECK(session["audio"]["input"]["turn_detection"] == Json::parse(R"({"type":"server_vad","threshold":0.5,
    "prefix_padding_ms":300,"silence_duration_ms":500,"idle_timeout_ms":null,"create_response":true,
    "interrupt_response":true})"));
  CHECK(session["audio"]["input"]["format"] == Json::parse(R"({"type":"audio/pcm","rate":24000})"));
  CHECK(session["audio"]["output"]["format"] == Json::parse(R"({"type":"audio/pcm","rate":24000})"));
  CHECK(session["output_modalities"] == Json::array({"audio"}));
  CHECK(session["max_output_tokens"] == "inf");
  CHECK_FALSE(session.contains("native"));
  CHECK(WireFixture(native_session()).latest("session.created")["session"]["native"]["version"] == 1);
}

TEST_CASE("S2: a session.update that was sent before anything was read is answered second", "[conformance]") {
  // The agents SDKs do this: the server reads the message only after it has greeted.
  WireFixture client;
  client.say(update({{"instructions", "early"}}));
  CHECK(client.dialogue() == Types{"session.created", "session.updated"});
  CHECK(client.messages()[0].json["session"]["instructions"] == "Be brief.");
  CHECK(client.messages()[1].json["session"]["instructions"] == "early");
}

TEST_CASE("S3: an update of one field is echoed in the full object, the others as they were",
          "[conformance]") {
  WireFixture client;
  Json expected = client.latest("session.created")["session"];
  expected["instructions"] = "x";
  client.say(R"({"session":{"instructions":"x","type":"realtime"},"event_id":"e1","type":"session.update"})");
  CHECK(client.latest("session.updated")["session"] == expected);
  client.say(update({{"audio", {{"output", {{"speed", 1.25}}}}}}));
  expected["audio"]["output"]["speed"] = 1.25;
  CHECK(client.latest("session.updated")["session"] == expected);
  // turn_detection is replaced as a whole, with its defaults filled in again
  client.say(
      update({{"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}, {"threshold", 0.9}}}}}}}}));
  client.say(
      update({{"audio",
               {{"input", {{"turn_detection", {{"type", "server_vad"}, {"silence_duration_ms", 200}}}}}}}}));
  expected["audio"]["input"]["turn_detection"]["silence_duration_ms"] = 200;
  CHECK(client.latest("session.updated")["session"] == expected);
}

TEST_CASE("S4: an unknown parameter is named and nothing at all is applied", "[conformance]") {
  WireFixture client;
  client.say(update({{"instructions", "x"}, {"temperature", 0.8}}));
  CHECK(client.refusals() == Types{"unknown_parameter session.temperature"});
  CHECK(client.latest("error")["error"]["message"] == "Unknown parameter: 'session.temperature'.");
  client.say(update(Json::object()));
  CHECK(client.latest("session.updated")["session"] == client.latest("session.created")["session"]);
  // Fields of the beta shape are unknown as well.
  for (const char* field : {"modalities", "voice", "input_audio_format", "max_response_output_tokens"}) {
    const auto mark = client.received();
    client.say(update({{field, "x"}}));
    CHECK(client.refusals(mark) == Types{std::string("unknown_parameter session.") + field});
  }
}

TEST_CASE("S5: a turn detection of type none is refused with the types there are", "[conformance]") {
  WireFixture client;
  client.say(update({{"audio", {{"input", {{"turn_detection", {{"type", "none"}}}}}}}}));
  CHECK(client.refusals() == Types{"invalid_value session.audio.input.turn_detection.type"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Invalid value: 'none'. Supported values are: 'server_vad' and 'semantic_vad'.");
}

TEST_CASE("S6: turn_detection null is echoed as null and speech is not announced", "[conformance]") {
  WireFixture client;
  client.say(update({{"audio", {{"input", {{"turn_detection", nullptr}}}}}}));
  CHECK(client.latest("session.updated")["session"]["audio"]["input"]["turn_detection"].is_null());
  const auto mark = client.received();
  client.hum();
  client.hush();
  CHECK(client.dialogue(mark).empty());
}

TEST_CASE("S7: 16 kHz is refused outside native mode and served within", "[conformance]") {
  const Json wanted =
      update({{"audio", {{"input", {{"format", {{"type", "audio/pcm"}, {"rate", 16000}}}}}}}});
  WireFixture client;
  client.say(wanted);
  CHECK(client.refusals() == Types{"invalid_value session.audio.input.format.rate"});
  WireFixture native(native_session());
  native.say(wanted);
  CHECK(native.refusals().empty());
  CHECK(native.latest("session.updated")["session"]["audio"]["input"]["format"]["rate"] == 16000);
}

TEST_CASE("S8: text and audio together are refused", "[conformance]") {
  WireFixture client;
  client.say(update({{"output_modalities", {"text", "audio"}}}));
  CHECK(client.refusals() == Types{"invalid_value session.output_modalities"});
  client.say(update({{"output_modalities", {"text"}}}));
  CHECK(client.latest("session.updated")["session"]["output_modalities"] == Json::array({"text"}));
}

TEST_CASE("S9: a token limit out of range is refused", "[conformance]") {
  WireFixture client;
  client.say(update({{"max_output_tokens", 0}}));
  client.say(update({{"max_output_tokens", 5000}}));
  client.say(update({{"max_output_tokens", "unlimited"}}));
  CHECK(client.refusals() == Types(3, "invalid_value session.max_output_tokens"));
  client.say(update({{"max_output_tokens", 4096}}));
  CHECK(client.latest("session.updated")["session"]["max_output_tokens"] == 4096);
}

TEST_CASE("S10: once the assistant has spoken another voice is refused and the same one is not",
          "[conformance]") {
  WireFixture client;
  const auto voice = [](const Json& name) { return update({{"audio", {{"output", {{"voice", name}}}}}}); };
  client.say(voice("bert"));
  CHECK(client.refusals().empty());
  client.say(R"({"type":"response.create"})");
  client.answer(1, "Hello.", 500);
  client.say(voice("carol"));
  CHECK(client.refusals() == Types{"cannot_update_voice -"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Cannot update a conversation's voice if assistant audio is present.");
  client.say(voice("bert"));
  client.say(voice({{"id", "bert"}}));
  CHECK(client.refusals().size() == 1);
  CHECK(client.latest("session.updated")["session"]["audio"]["output"]["voice"] == "bert");
}

TEST_CASE("S11: the first messages of the agents SDKs are accepted", "[conformance]") {
  ConversationSettings settings;
  settings.local_voice = [](std::string_view name) { return std::string(name == "bert" ? "bert" : "anna"); };
  WireFixture client(default_session(), settings);
  client.say(R"({"session":{"type":"realtime","model":"gpt-realtime-2.1","instructions":"Be kind.",
    "output_modalities":["audio"],"tools":[],"tool_choice":"auto","tracing":null,
    "audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"noise_reduction":null,
      "transcription":{"model":"gpt-4o-mini-transcribe"},
      "turn_detection":{"type":"semantic_vad","interrupt_response":true,"create_response":true,
        "eagerness":"auto","model_version":"default"}},
    "output":{"format":{"type":"audio/pcm","rate":24000},"voice":"ash","speed":1}}},
    "event_id":"a","type":"session.update"})");
  client.say(R"({"session":{"type":"realtime","tracing":"auto"},"type":"session.update"})");
  CHECK(client.dialogue() == Types{"session.created", "session.updated", "session.updated"});
  const Json session = client.latest("session.updated")["session"];
  CHECK(session["model"] == "scripted");
  CHECK(session["tracing"] == "auto");
  CHECK(session["audio"]["output"]["voice"] == "anna");
  CHECK(session["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe");
  CHECK(session["audio"]["input"]["turn_detection"]["interrupt_response"] == true);
}

TEST_CASE("S12: broken JSON is answered and the next event works", "[conformance]") {
  WireFixture client;
  client.say("{bad");
  CHECK(client.refusals() == Types{"invalid_json -"});
  client.say(update({{"instructions", "x"}}));
  CHECK(client.dialogue() == Types{"session.created", "error", "session.updated"});
}

TEST_CASE("S13: JSON that is no event is answered", "[conformance]") {
  WireFixture client;
  client.say("[]");
  client.say(R"({"x":1})");
  CHECK(client.refusals() == Types(2, "invalid_event -"));
}

TEST_CASE("S14: an unknown type of event is refused by the parameter type, with the types there are",
          "[conformance]") {
  WireFixture client;
  client.say(R"({"type":"foo.bar"})");
  client.say(R"({"type":"output_audio_buffer.clear"})");  // of other transports
  client.say(R"({"type":"native.ping","t":1})");
  CHECK(client.refusals() == Types(3, "invalid_value type"));
  for (const Json& error : client.all("error")) {
    const auto message = error["error"]["message"].get<std::string>();
    CHECK(message.find("'session.update', ") != std::string::npos);
    CHECK(message.find("and 'response.cancel'.") != std::string::npos);
  }
  WireFixture native(native_session());
  native.say(R"({"type":"native.ping","t":17.5})");
  CHECK(native.latest("native.pong")["t"] == 17.5);
}

TEST_CASE("S15: an error names the event that caused it, or null", "[conformance]") {
  WireFixture client;
  const auto named = GENERATE(true, false);
  // One for each place where an event can fail: the codec, the session, the conversation.
  for (Json event :
       {Json{{"type", "foo.bar"}}, Json{{"type", "response.cancel"}, {"x", 1}},
        update({{"max_output_tokens", 0}}), update({{"tool_choice", {{"type", "function"}, {"name", "f"}}}}),
        Json{{"type", "response.cancel"}}, Json{{"type", "input_audio_buffer.commit"}},
        Json{{"type", "conversation.item.delete"}, {"item_id", "x"}},
        Json{{"type", "input_audio_buffer.append"}, {"audio", "***"}}}) {
    if (named) event["event_id"] = "abc";
    const auto mark = client.received();
    client.say(event);
    CAPTURE(event.dump());
    REQUIRE(client.all("error", mark).size() == 1);
    CHECK(client.latest("error")["error"]["event_id"] == (named ? Json("abc") : Json()));
  }
}

}  // namespace
}  // namespace parley::conversation
