// The user talks over the answer.
#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using Types = std::vector<std::string>;
using namespace std::chrono_literals;

std::size_t index_of_purge(const Fixture& fixture) {
  for (std::size_t i = 0; i < fixture.actions.size(); ++i) {
    if (std::holds_alternative<Purge>(fixture.actions[i])) return i;
  }
  return fixture.actions.size();
}

TEST_CASE("T3: speech over a JSON answer cancels it and no audio of it follows", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Once upon a time");
  fixture.audio(1, 2000, 9);
  const auto mark = fixture.mark();
  const auto before = fixture.sent_ms();
  fixture.speech(64);
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.speech_started", "response.output_audio.done",
                                     "response.output_audio_transcript.done", "response.content_part.done",
                                     "conversation.item.done", "response.output_item.done", "response.done"});
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::cancelled);
  CHECK(fixture.last<protocol::ResponseDone>().response.status_details.cancelled ==
        protocol::CancelReason::turn_detected);
  CHECK(fixture.cancelled(1));
  const auto purge = index_of_purge(fixture);
  REQUIRE(purge < fixture.actions.size());
  const auto* next = std::get_if<Send>(&fixture.actions[purge + 1]);
  REQUIRE(next);
  CHECK(std::holds_alternative<protocol::SpeechStarted>(next->event.body));

  fixture.audio(1, 500, 12);
  CHECK(fixture.sent_ms() == before);

  // The client tells what was heard, and the next answer knows.
  const auto id = fixture.last<protocol::ResponseOutputItemDone>().item.id;
  fixture.client(protocol::ConversationItemTruncate{id, 0, 1000});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 1000);
  fixture.speech();
  fixture.silence(512);
  REQUIRE(fixture.request().context.size() == 2);
  CHECK(fixture.request().context[0].heard_ms == 1000);
  CHECK(fixture.request().context[0].text == "Once");
  CHECK(fixture.conversation.counts().interruptions == 1);
}

TEST_CASE("audio that was purged was not sent and bounds the truncation", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Once upon a time");
  fixture.audio(1, 2000, 16);
  fixture.speech(64);
  fixture.on(AudioDropped{fixture.performed<Purge>().at(0).stream, 1200});
  const auto id = fixture.last<protocol::ResponseOutputItemDone>().item.id;
  fixture.client(protocol::ConversationItemTruncate{id, 0, 1500});
  // 1940 ms were sent: the last 60 still waited to fill a delta.
  CHECK(fixture.error().message == "Audio content of 740ms is already shorter than 1500ms");
}

TEST_CASE("speech after a JSON answer was sent in full leaves the cutting to the client",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Once upon a time", 3000);
  const auto mark = fixture.mark();
  fixture.speech(64);
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.speech_started"});
  CHECK(fixture.performed<Purge>().empty());
  const auto id = fixture.last<protocol::ResponseOutputItemDone>().item.id;
  fixture.client(protocol::ConversationItemTruncate{id, 0, 700});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 700);
}

TEST_CASE("N8: a native answer is a stream of packets with its start and end told",
          "[server][conversation]") {
  Fixture fixture(native_session());
  fixture.client(protocol::ResponseCreate{});
  const auto mark = fixture.mark();
  fixture.text(1, "Hello there.");
  fixture.audio(1, 500, 6);
  fixture.audio(1, 490, 12);
  fixture.done(1);
  CHECK(fixture.types(mark) == Types{"response.output_item.added", "conversation.item.added",
                                     "response.content_part.added", "response.output_audio_transcript.delta",
                                     "native.output_stream.started", "native.output_stream.done",
                                     "response.output_audio.done", "response.output_audio_transcript.done",
                                     "response.content_part.done", "conversation.item.done",
                                     "response.output_item.done", "response.done"});
  const auto sent = fixture.performed<SendAudio>();
  REQUIRE(sent.size() == 50);
  CHECK(sent.front().packet.first);
  CHECK(sent.back().packet.last);
  CHECK(sent.back().packet.text_cursor == 12);
  for (const auto& packet : sent) {
    CHECK(packet.stream == 1);
    CHECK(packet.as_packet);
    CHECK_FALSE(packet.as_delta);
    CHECK(packet.packet.pcm.size() == 480);
  }
  const auto& started = fixture.last<protocol::NativeOutputStreamStarted>();
  CHECK(started.stream == 1);
  CHECK(started.preskip == 312);
  CHECK(fixture.last<protocol::NativeOutputStreamDone>().frames == 50);
  CHECK(fixture.last<protocol::NativeOutputStreamDone>().duration_ms == 1000);
}

TEST_CASE("native audio is paced and the response ends with its last packet", "[server][conversation]") {
  Fixture fixture(native_session(1500));
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "A long story.", 4000);
  CHECK(fixture.sent_ms() == 1500);
  CHECK(fixture.count<protocol::ResponseDone>() == 0);
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.error().code == protocol::ErrorCode::conversation_already_has_active_response);
  fixture.pass(1000ms);
  CHECK(fixture.sent_ms() == Approx(2500).margin(100));
  fixture.pass(1600ms);
  CHECK(fixture.sent_ms() == 4000);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
  CHECK(fixture.performed<SendAudio>().back().packet.last);
}

TEST_CASE("with json_audio packets travel as deltas too", "[server][conversation]") {
  protocol::Session session = native_session();
  session.native->json_audio = true;
  Fixture fixture(session);
  fixture.client(protocol::ResponseCreate{});
  fixture.audio(1, 20);
  CHECK(fixture.performed<SendAudio>().at(0).as_delta);
  CHECK(fixture.performed<SendAudio>().at(0).as_packet);
}

TEST_CASE("N9: native barge-in flushes, stops the packets and cuts at what the client heard",
          "[server][conversation]") {
  Fixture fixture(native_session());
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three four five");
  fixture.audio(1, 4000, 23);
  fixture.pass(1000ms);
  const auto mark = fixture.mark();
  const auto before = fixture.sent_ms();
  fixture.speech(64);
  const Types types = fixture.types(mark);
  CHECK(types == Types{"input_audio_buffer.speech_started", "native.output_stream.flush",
                       "native.output_stream.done", "response.output_audio.done",
                       "response.output_audio_transcript.done", "response.content_part.done",
                       "conversation.item.done", "response.output_item.done", "response.done"});
  CHECK(fixture.last<protocol::NativeOutputStreamDone>().reason ==
        protocol::NativeOutputStreamDone::Reason::cancelled);
  CHECK(fixture.performed<Purge>().at(0).stream == 1);
  CHECK(fixture.sent_ms() <= before + 100);  // what left before the speech was noticed
  const auto sent = fixture.sent_ms();

  fixture.pass(100ms);
  fixture.client(protocol::NativePlaybackFlushed{1, 910});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 910);
  CHECK(fixture.sent_ms() == sent);
  fixture.pass(1000ms);
  CHECK(fixture.count<protocol::ConversationItemTruncated>() == 1);
  fixture.speech(320);
  fixture.silence(512);
  CHECK(fixture.request().context.at(0).heard_ms == 910);
  CHECK(fixture.request().context.at(0).text == "one");  // 5 of 23 code points
}

TEST_CASE("without an answer to the flush the position is estimated", "[server][conversation]") {
  Fixture fixture(native_session());
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three four five");
  fixture.audio(1, 4000, 23);
  fixture.pass(1000ms);
  SECTION("by the clock") {
    fixture.speech(64);
    fixture.pass(390ms);
    CHECK(fixture.count<protocol::ConversationItemTruncated>() == 0);
    fixture.pass(20ms);
    CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == Approx(1064 - 150).margin(40));
  }
  SECTION("by the client's last report") {
    using State = protocol::NativePlaybackReport::State;
    fixture.client(protocol::NativePlaybackReport{1, State::playing, 600, 300});
    CHECK(fixture.performed<ReportHeard>().at(0).heard_ms == 600);
    fixture.speech(64);
    fixture.pass(500ms);
    CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == Approx(664).margin(2));
  }
  SECTION("by the header of its packets") {
    fixture.on(PlayoutPosition{1, 48 * 700});
    fixture.speech(64);
    fixture.pass(500ms);
    CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == Approx(764).margin(2));
  }
}

TEST_CASE("N10: speech while a finished native answer still plays flushes and cuts it",
          "[server][conversation]") {
  Fixture fixture(native_session(0));
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "one two three four five", 3000);
  CHECK(fixture.count<protocol::ResponseDone>() == 1);
  fixture.pass(1000ms);
  const auto mark = fixture.mark();
  fixture.speech(64);
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.speech_started", "native.output_stream.flush"});
  fixture.client(protocol::NativePlaybackFlushed{1, 950});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 950);
}

TEST_CASE("speech after the last sample was heard flushes nothing", "[server][conversation]") {
  Fixture fixture(native_session(0));
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "one two", 1000);
  fixture.pass(2000ms);
  fixture.speech(64);
  CHECK(fixture.count<protocol::NativeOutputStreamFlush>() == 0);
}

TEST_CASE("the stop button of a native client ends the answer where it was heard", "[server][conversation]") {
  Fixture fixture(native_session());
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three four five");
  fixture.audio(1, 4000, 23);
  fixture.pass(500ms);
  SECTION("by flushed") { fixture.client(protocol::NativePlaybackFlushed{1, 400}); }
  SECTION("by output_audio_buffer.clear") {
    fixture.client(protocol::OutputAudioBufferClear{});
    CHECK(fixture.last<protocol::NativeOutputStreamFlush>().reason ==
          protocol::NativeOutputStreamFlush::Reason::cleared);
    fixture.client(protocol::NativePlaybackFlushed{1, 400});
  }
  SECTION("by response.cancel") {
    fixture.client(protocol::ResponseCancel{});
    CHECK(fixture.last<protocol::NativeOutputStreamFlush>().reason ==
          protocol::NativeOutputStreamFlush::Reason::client_cancelled);
    fixture.client(protocol::NativePlaybackFlushed{1, 400});
  }
  CHECK(fixture.cancelled(1));
  CHECK(fixture.last<protocol::ResponseDone>().response.status_details.cancelled ==
        protocol::CancelReason::client_cancelled);
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 400);
}

TEST_CASE("of a client's truncation and a flush the smaller wins", "[server][conversation]") {
  Fixture fixture(native_session());
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three four five");
  fixture.audio(1, 4000, 23);
  fixture.pass(1000ms);
  fixture.speech(64);
  const auto id = fixture.last<protocol::ResponseOutputItemDone>().item.id;
  SECTION("client first") {
    fixture.client(protocol::ConversationItemTruncate{id, 0, 500});
    fixture.client(protocol::NativePlaybackFlushed{1, 900});
    CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 500);
  }
  SECTION("flush first") {
    fixture.client(protocol::NativePlaybackFlushed{1, 500});
    fixture.client(protocol::ConversationItemTruncate{id, 0, 900});
    CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 500);
  }
}

}  // namespace
}  // namespace parley::conversation
