// Cases N of protocol.md 14 that a conversation decides, on the wire: binary frames both ways.
#include "protocol/native/frame.hpp"
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;
using namespace std::chrono_literals;

std::vector<protocol::native::Frame> frames(const WireFixture& client, std::size_t from = 0) {
  std::vector<protocol::native::Frame> frames;
  for (std::size_t i = from; i < client.received(); ++i) {
    if (!client.messages()[i].json.is_null()) continue;
    const auto frame = protocol::native::decode_frame(client.messages()[i].bytes);
    REQUIRE(frame.has_value());
    frames.push_back(*frame);
  }
  return frames;
}

TEST_CASE("N1: a binary frame outside native mode is refused and the conversation goes on", "[conformance]") {
  WireFixture client;
  client.binary(protocol::Bytes(40));
  CHECK(client.refusals() == Types{"invalid_event -"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Expected a text WebSocket message; binary frames are not supported.");
  client.say(create_response);
  client.answer(1, "Yes.", 100);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
}

TEST_CASE("N2: a turn spoken in Opus packets is the turn spoken in JSON", "[conformance]") {
  WireFixture json;
  json.hush(1000);
  json.hum(1200);
  json.hush(600);
  WireFixture native(native_session());
  native.hush_in_packets(1000);
  native.hum_in_packets(1200);
  native.hush_in_packets(600);
  REQUIRE(native.dialogue() == json.dialogue());
  for (const auto& [type, time] : {std::pair{"input_audio_buffer.speech_started", "audio_start_ms"},
                                   std::pair{"input_audio_buffer.speech_stopped", "audio_end_ms"}}) {
    CHECK(native.latest(type)[time].get<int>() == Approx(json.latest(type)[time].get<int>()).margin(70));
  }
  CHECK(native.refusals().empty());
}

TEST_CASE("N8: an answer is announced before its first frame and ends with END, and no delta is sent",
          "[conformance]") {
  WireFixture client(native_session());
  client.say(create_response);
  const auto mark = client.received();
  client.text(1, "Hello there.");
  client.audio(1, 500, 6);
  client.audio(1, 490, 12);
  client.done(1);
  CHECK(client.dialogue(mark) ==
        Types{"response.output_item.added", "conversation.item.added", "response.content_part.added",
              "response.output_audio_transcript.delta", "native.output_stream.started", "frame",
              "native.output_stream.done", "response.output_audio.done",
              "response.output_audio_transcript.done", "response.content_part.done", "conversation.item.done",
              "response.output_item.done", "response.done"});
  const Json started = client.latest("native.output_stream.started");
  const auto sent = frames(client);
  REQUIRE(sent.size() == 50);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].kind == 0x02);
    CHECK(sent[i].stream == started["stream"]);
    CHECK(sent[i].seq == i);
    CHECK(sent[i].timestamp == i * 960);
    CHECK(sent[i].start == (i == 0));
    CHECK(sent[i].end == (i + 1 == sent.size()));
  }
  CHECK(sent.back().aux == 12);
  CHECK(started["item_id"] == client.latest("response.output_item.added")["item"]["id"]);
  CHECK(started["codec"] == "opus");
  CHECK(started["preskip"] == 312);
  const Json done = client.latest("native.output_stream.done");
  CHECK(done["frames"] == 50);
  CHECK(done["duration_ms"] == 1000);
  CHECK(done["reason"] == "completed");

  // What a client makes of it lasts as long as the answer and is not silent.
  protocol::opus::Decoder decoder(48000);
  std::vector<float> heard;
  for (const auto& frame : sent) REQUIRE(decoder.decode(frame.payload, heard).has_value());
  CHECK(heard.size() == 48000);
}

TEST_CASE("N9: barge-in flushes, no frame of the stream follows, and the item is cut where the client was",
          "[conformance]") {
  WireFixture client(native_session());
  client.say(create_response);
  client.text(1, "one two three four five");
  client.audio(1, 4000, 23);
  client.pass(1000ms);
  client.stall();  // a slow network: frames wait when the user speaks
  client.pass(600ms);
  const auto mark = client.received();
  client.hum_in_packets(120, 1, 1450);
  client.resume();
  CHECK(client.dialogue(mark) == Types{"input_audio_buffer.speech_started", "native.output_stream.flush",
                                       "native.output_stream.done", "response.output_audio.done",
                                       "response.output_audio_transcript.done", "response.content_part.done",
                                       "conversation.item.done", "response.output_item.done",
                                       "response.done"});
  CHECK(client.latest("native.output_stream.flush")["reason"] == "turn_detected");
  CHECK(client.latest("native.output_stream.done")["reason"] == "cancelled");
  const auto end = client.received();
  client.audio(1, 4000, 23);
  client.pass(200ms);
  CHECK(client.frames(end) == 0);
  SECTION("the client answers") {
    client.say(R"({"type":"native.playback.flushed","stream":1,"played_ms":1530})");
    CHECK(client.latest("conversation.item.truncated")["audio_end_ms"] == 1530);
  }
  SECTION("the client does not answer") {
    client.pass(400ms);
    // by the headers of its packets: 1450 ms when it began to speak
    CHECK(client.latest("conversation.item.truncated")["audio_end_ms"].get<int>() == Approx(1530).margin(40));
  }
  CHECK(client.all("conversation.item.truncated").size() == 1);
  CHECK(client.latest("conversation.item.truncated")["item_id"] ==
        client.latest("native.output_stream.started")["item_id"]);
  client.pass(5s);
  CHECK(client.all("conversation.item.truncated").size() == 1);
}

TEST_CASE("N9: a client cannot have heard what never left", "[conformance]") {
  WireFixture client(native_session());
  client.say(create_response);
  client.text(1, "one two three four five");
  client.audio(1, 500, 6);
  client.stall();
  client.audio(1, 3000, 23);
  client.hum_in_packets(120);
  client.resume();
  client.say(R"({"type":"native.playback.flushed","stream":1,"played_ms":3000})");
  CHECK(client.latest("conversation.item.truncated")["audio_end_ms"] == 500);
}

TEST_CASE("N10: speech while a finished answer still plays flushes and cuts it", "[conformance]") {
  WireFixture client(native_session(0));
  client.say(create_response);
  client.answer(1, "one two three four five", 3000);
  REQUIRE(client.all("response.done").size() == 1);
  client.pass(1000ms);
  const auto mark = client.received();
  client.hum_in_packets(120, 1, 850);
  CHECK(client.dialogue(mark) == Types{"input_audio_buffer.speech_started", "native.output_stream.flush"});
  client.say(R"({"type":"native.playback.flushed","stream":1,"played_ms":950})");
  CHECK(client.latest("conversation.item.truncated")["audio_end_ms"] == 950);
}

TEST_CASE("native mode can be switched on later, and its answer is the confirmation", "[conformance]") {
  WireFixture client;
  client.say(
      R"({"type":"session.update","session":{"type":"realtime","native":{"version":1,"output":{"frame_ms":40},"json_audio":true}}})");
  const Json native = client.latest("session.updated")["session"]["native"];
  CHECK(native["output"]["frame_ms"] == 40);
  CHECK(native["input"]["rate"] == 48000);
  CHECK(native["json_audio"] == true);
  client.hum_in_packets(640);
  CHECK(client.refusals().empty());
  CHECK(client.all("input_audio_buffer.speech_started").size() == 1);
}

}  // namespace
}  // namespace parley::conversation
