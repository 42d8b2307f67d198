#include <chrono>

#include "protocol/realtime/codec.hpp"
#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;

// What a client's text leads to: the whole way from JSON.
void say(Fixture& fixture, std::string_view json) {
  auto event = protocol::decode(json);
  if (event) {
    fixture.on(*event);
  } else {
    fixture.on(Rejected{event.error()});
  }
}

void check_error(const Fixture& fixture, protocol::ErrorCode code, std::optional<std::string> param) {
  CHECK(fixture.error().code == code);
  CHECK(fixture.error().param == param);
}

using Code = protocol::ErrorCode;

TEST_CASE("S1: a session is greeted with its whole object before anything else", "[server][conversation]") {
  Fixture fixture;
  REQUIRE(fixture.types() == std::vector<std::string>{"session.created"});
  const auto& session = std::get<protocol::SessionCreated>(fixture.events[0]).session;
  CHECK(session == default_session());
}

TEST_CASE("S3: an update changes what it names and echoes everything", "[server][conversation]") {
  Fixture fixture;
  say(fixture, R"({"type":"session.update","session":{"type":"realtime","instructions":"x"}})");
  protocol::Session expected = default_session();
  expected.instructions = "x";
  CHECK(fixture.last<protocol::SessionUpdated>().session == expected);
  CHECK(fixture.count<protocol::ErrorEvent>() == 0);
}

TEST_CASE("S4: an unknown field is named and nothing of the update is applied", "[server][conversation]") {
  Fixture fixture;
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","instructions":"x","temperature":1}})");
  check_error(fixture, Code::unknown_parameter, "session.temperature");
  CHECK(fixture.conversation.session() == default_session());
}

TEST_CASE("S5: an unknown kind of turn detection is refused", "[server][conversation]") {
  Fixture fixture;
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":{"type":"none"}}}}})");
  check_error(fixture, Code::invalid_value, "session.audio.input.turn_detection.type");
}

TEST_CASE("S6: without turn detection speech gives no events", "[server][conversation]") {
  Fixture fixture;
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}})");
  CHECK_FALSE(fixture.conversation.detects_speech());
  const auto mark = fixture.mark();
  fixture.speech();
  fixture.silence();
  CHECK(fixture.types(mark).empty());
}

TEST_CASE("S7: a rate of 16 kHz is refused", "[server][conversation]") {
  Fixture fixture;
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}})");
  check_error(fixture, Code::invalid_value, "session.audio.input.format.rate");
}

TEST_CASE("S8: text and audio together are refused", "[server][conversation]") {
  Fixture fixture;
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","output_modalities":["text","audio"]}})");
  check_error(fixture, Code::invalid_value, "session.output_modalities");
}

TEST_CASE("S10: the voice stays once the assistant has spoken", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(fixture.last_turn, "Hello.", 500);
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"bert"}}}})");
  check_error(fixture, Code::cannot_update_voice, std::nullopt);
  CHECK(fixture.conversation.session().voice == "anna");
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"anna"}}}})");
  CHECK(fixture.count<protocol::SessionUpdated>() == 1);
}

TEST_CASE("S11: what the agents SDKs send by default is accepted", "[server][conversation]") {
  ConversationSettings settings;
  settings.local_voice = [](std::string_view) { return std::string("anna"); };
  Fixture fixture(default_session(), settings);
  say(fixture,
      R"({"type":"session.update","session":{"type":"realtime","model":"gpt-realtime","tracing":"auto",
    "audio":{"input":{"transcription":{"model":"gpt-4o-mini-transcribe"},
      "turn_detection":{"type":"semantic_vad","interrupt_response":true}},"output":{"voice":"ash"}}}})");
  CHECK(fixture.count<protocol::ErrorEvent>() == 0);
  CHECK(fixture.last<protocol::SessionUpdated>().session.model == "scripted");
}

TEST_CASE("S12, S15: what cannot be decoded is refused under its own event id and the next event works",
          "[server][conversation]") {
  Fixture fixture;
  say(fixture, "{bad");
  check_error(fixture, Code::invalid_json, std::nullopt);
  CHECK_FALSE(fixture.error().event_id);
  say(fixture, R"({"type":"conversation.item.retrieve","item_id":"nope","event_id":"abc"})");
  CHECK(fixture.error().event_id == "abc");
  say(fixture, R"({"type":"session.update","session":{"type":"realtime","instructions":"x"}})");
  CHECK(fixture.count<protocol::SessionUpdated>() == 1);
}

TEST_CASE("native events outside native mode are unknown", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::NativePing{{"1"}}, "p");
  check_error(fixture, Code::invalid_value, "type");
  Fixture native(native_session());
  native.client(protocol::NativePing{{"17.5"}});
  CHECK(native.last<protocol::NativePong>().t.text == "17.5");
}

TEST_CASE("fifty errors in ten seconds close the connection and fewer do not", "[server][conversation]") {
  Fixture fixture;
  SECTION("too fast") {
    for (int i = 0; i < 60; ++i) fixture.client(protocol::ResponseCancel{});
    CHECK(fixture.count<protocol::ErrorEvent>() == 50);
    REQUIRE(fixture.performed<Close>().size() == 1);
    CHECK(fixture.performed<Close>()[0].code == 1008);
    CHECK(fixture.conversation.closed());
  }
  SECTION("slow enough") {
    for (int i = 0; i < 100; ++i) {
      fixture.client(protocol::ResponseCancel{});
      fixture.pass(250ms);
    }
    CHECK(fixture.performed<Close>().empty());
  }
}

TEST_CASE("a session ends at its age with an error and the code that says come again",
          "[server][conversation]") {
  Fixture fixture;
  fixture.pass(60min + 1s);
  CHECK(fixture.error().code == Code::session_expired);
  REQUIRE(fixture.performed<Close>().size() == 1);
  CHECK(fixture.performed<Close>()[0].code == 1001);
  CHECK(fixture.performed<Close>()[0].reason == fixture.error().message);
}

TEST_CASE("draining closes an idle session at once and lets an answer finish", "[server][conversation]") {
  Fixture fixture;
  SECTION("idle") {
    fixture.on(Drain{});
    REQUIRE(fixture.performed<Close>().size() == 1);
    CHECK(fixture.performed<Close>()[0].code == 1012);
  }
  SECTION("an answer is running") {
    fixture.client(protocol::ResponseCreate{});
    fixture.on(Drain{});
    CHECK(fixture.performed<Close>().empty());
    fixture.answer(fixture.last_turn, "Bye.", 200);
    CHECK(fixture.count<protocol::ResponseDone>() == 1);
    CHECK(fixture.performed<Close>().size() == 1);
  }
  SECTION("an answer that does not end") {
    fixture.client(protocol::ResponseCreate{});
    fixture.on(Drain{});
    fixture.pass(11s);
    CHECK(fixture.performed<Close>().size() == 1);
  }
  SECTION("no new answers") {
    fixture.client(protocol::ResponseCreate{});
    fixture.on(Drain{});
    protocol::ResponseParameters own;
    own.out_of_band = true;
    fixture.client(protocol::ResponseCreate{own});
    CHECK(fixture.error().code == Code::engine_overloaded);
  }
}

TEST_CASE("a client that does not read loses its response and its connection", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Hello");
  fixture.on(SlowConsumer{});
  const auto& response = fixture.last<protocol::ResponseDone>().response;
  CHECK(response.status == protocol::ResponseStatus::failed);
  CHECK(response.status_details.failed->code == Code::slow_consumer);
  CHECK(fixture.cancelled(1));
  CHECK(fixture.performed<Close>()[0].code == 1008);
}

}  // namespace
}  // namespace parley::conversation
