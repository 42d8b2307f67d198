// Turns of the user: detected, pushed, guessed early, and not taken at all.
#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using Types = std::vector<std::string>;
using namespace std::chrono_literals;

protocol::Session with_vad(protocol::TurnDetection detection) {
  protocol::Session session = default_session();
  session.turn_detection = detection;
  return session;
}

TEST_CASE("T1: a detected turn has one item id and starts at its onset less the padding",
          "[server][conversation]") {
  Fixture fixture;
  fixture.silence(992);
  const auto mark = fixture.mark();
  fixture.speech(992);
  fixture.silence(512);
  REQUIRE(fixture.types(mark) == Types{"input_audio_buffer.speech_started",
                                       "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
                                       "conversation.item.added", "conversation.item.done",
                                       "response.created", "rate_limits.updated"});
  const auto& started = fixture.last<protocol::SpeechStarted>();
  CHECK(started.audio_start_ms == Approx(992 - 300).margin(60));
  CHECK(fixture.last<protocol::SpeechStopped>().item_id == started.item_id);
  CHECK(fixture.last<protocol::SpeechStopped>().audio_end_ms == Approx(992 + 992 + 500).margin(60));
  CHECK(fixture.last<protocol::InputAudioBufferCommitted>().item_id == started.item_id);
  CHECK(fixture.last<protocol::ConversationItemDone>().item.id == started.item_id);
  const auto& message = std::get<protocol::Message>(fixture.last<protocol::ConversationItemDone>().item.body);
  CHECK_FALSE(std::get<protocol::InputAudio>(message.content.at(0)).transcript);
  for (const auto& heard : fixture.performed<Hear>()) CHECK(heard.item_id == started.item_id);
  REQUIRE(fixture.request().context.size() == 1);
  CHECK(fixture.request().context[0].id == started.item_id);
  CHECK(fixture.request().context[0].speech);
}

TEST_CASE("the answer is started at a short silence and released when the turn has ended",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  fixture.silence(160);
  REQUIRE(fixture.requests.size() == 1);
  CHECK(fixture.request().speculative);
  CHECK(fixture.count<protocol::ResponseCreated>() == 0);
  const auto item = fixture.last<protocol::SpeechStarted>().item_id;
  CHECK(fixture.request().context.at(0).id == item);
  CHECK(fixture.request().context.at(0).speech);

  // Whether or not the engine holds its events back, none may be seen yet.
  const auto mark = fixture.mark();
  fixture.transcript(1, item, "hello");
  fixture.text(1, "Hi!");
  fixture.audio(1, 400, 3);
  CHECK(fixture.types(mark).empty());
  CHECK(fixture.sent_ms() == 0);

  fixture.silence(352);
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
                                     "conversation.item.added", "conversation.item.done", "response.created",
                                     "rate_limits.updated", "response.output_item.added",
                                     "conversation.item.added", "response.content_part.added",
                                     "response.output_audio_transcript.delta"});
  CHECK(fixture.sent_ms() == 340);
  REQUIRE(fixture.performed<CommitTurn>().size() == 1);
  CHECK(fixture.performed<CommitTurn>()[0].turn == 1);
  CHECK(fixture.requests.size() == 1);
  fixture.done(1);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
  CHECK(fixture.conversation.counts().speculation.kept == 1);
  CHECK(fixture.conversation.counts().speculation.saved_ms == Approx(352));
}

TEST_CASE("an answer that was started too early is thrown away and nobody notices",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  fixture.silence(192);
  fixture.text(1, "You mean");
  fixture.audio(1, 400, 3);
  fixture.speech();
  CHECK(fixture.cancelled(1));
  fixture.done(1, engine::TurnStatus::cancelled);
  fixture.silence(512);
  REQUIRE(fixture.requests.size() == 2);
  CHECK(fixture.request().turn == 2);
  CHECK(fixture.count<protocol::ResponseCreated>() == 1);
  CHECK(fixture.sent_ms() == 0);
  CHECK(fixture.count<protocol::SpeechStarted>() == 1);
  fixture.answer(2, "Now I see.", 200);
  CHECK(fixture.count<protocol::ResponseDone>() == 1);
  const auto counts = fixture.conversation.counts().speculation;
  CHECK(counts.started == 2);
  CHECK(counts.thrown_away == 1);
  CHECK(counts.kept == 1);
  // Nothing that was said got lost: all windows from the first to the second pause were heard.
  std::size_t heard = 0;
  for (const auto& hear : fixture.performed<Hear>()) heard += hear.pcm.size();
  CHECK(heard == (640 + 192 + 640 + 160) * 16);
}

TEST_CASE("what changes the conversation during the pause makes the early answer void",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  fixture.silence(192);
  SECTION("an item") { fixture.client(protocol::ConversationItemCreate{user_text("By the way", "a"), {}}); }
  SECTION("instructions") {
    protocol::SessionUpdate update;
    update.session.instructions = "Be verbose.";
    fixture.client(update);
  }
  fixture.silence(352);
  CHECK(fixture.cancelled(1));
  CHECK(fixture.performed<CommitTurn>().empty());
  CHECK(fixture.request().turn == 2);
  CHECK_FALSE(fixture.request().speculative);
  CHECK((fixture.request().context.size() == 2 || fixture.request().instructions == "Be verbose."));
  CHECK(fixture.conversation.counts().speculation.thrown_away == 0);
}

TEST_CASE("an early answer that the engine refused is asked for again at the turn's end",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  fixture.silence(192);
  fixture.done(1, engine::TurnStatus::failed);
  fixture.silence(352);
  CHECK(fixture.request().turn == 2);
  CHECK_FALSE(fixture.cancelled(1));
  fixture.answer(2, "Yes.", 100);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
}

TEST_CASE("someone who often goes on after a pause is not answered early any more",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  for (int i = 0; i < 6; ++i) {
    fixture.silence(192);
    fixture.speech(320);
  }
  CHECK(fixture.requests.size() == 6);
  fixture.silence(192);
  CHECK(fixture.requests.size() == 6);
  fixture.silence(352);
  CHECK(fixture.requests.size() == 7);
  CHECK_FALSE(fixture.request().speculative);
}

TEST_CASE("speculation can be switched off", "[server][conversation]") {
  ConversationSettings settings;
  settings.speculate = false;
  Fixture fixture(default_session(), settings);
  fixture.speech();
  fixture.silence(448);
  CHECK(fixture.requests.empty());
  fixture.silence(64);
  CHECK(fixture.requests.size() == 1);
}

TEST_CASE("T2: with create_response off a turn is an item and no answer", "[server][conversation]") {
  Fixture fixture(with_vad(protocol::ServerVad{.create_response = false}));
  fixture.speech();
  fixture.silence();
  CHECK(fixture.count<protocol::InputAudioBufferCommitted>() == 1);
  CHECK(fixture.requests.empty());
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().context.size() == 1);
}

TEST_CASE("T4: without interruption the answer goes on and one more follows it", "[server][conversation]") {
  Fixture fixture(with_vad(protocol::ServerVad{.interrupt_response = false}));
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "A long story");
  fixture.audio(1, 5000, 12);
  for (int i = 0; i < 2; ++i) {
    fixture.speech();
    fixture.silence();
  }
  CHECK(fixture.count<protocol::InputAudioBufferCommitted>() == 2);
  CHECK(fixture.count<protocol::ResponseDone>() == 0);
  CHECK(fixture.requests.size() == 1);
  fixture.done(1);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
  CHECK(fixture.count<protocol::ResponseCreated>() == 2);
  CHECK(fixture.requests.size() == 2);
  fixture.answer(2, "Yes?", 100);
  CHECK(fixture.count<protocol::ResponseCreated>() == 2);
}

TEST_CASE("T5: after a long silence the assistant asks once", "[server][conversation]") {
  Fixture fixture(with_vad(protocol::ServerVad{.idle_timeout_ms = 5000}));
  fixture.speech();
  fixture.silence(512);
  fixture.answer(fixture.last_turn, "What else?", 2000);
  const auto mark = fixture.mark();
  fixture.silence(6900);  // the answer is being heard for 2 s
  CHECK(fixture.types(mark).empty());
  fixture.silence(200);
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.timeout_triggered", "input_audio_buffer.committed",
                                     "conversation.item.added", "conversation.item.done", "response.created",
                                     "rate_limits.updated"});
  const auto& timeout = fixture.last<protocol::InputAudioBufferTimeoutTriggered>();
  CHECK(timeout.audio_end_ms - timeout.audio_start_ms > 1000);
  fixture.answer(fixture.last_turn, "Are you there?", 500);
  fixture.silence(20'000);
  CHECK(fixture.count<protocol::InputAudioBufferTimeoutTriggered>() == 1);
  fixture.speech();
  fixture.silence(512);
  fixture.answer(fixture.last_turn, "There you are.", 500);
  fixture.silence(6000);
  CHECK(fixture.count<protocol::InputAudioBufferTimeoutTriggered>() == 2);
}

TEST_CASE("speech disarms the idle timeout", "[server][conversation]") {
  Fixture fixture(with_vad(protocol::ServerVad{.idle_timeout_ms = 5000}));
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Go on.", 100);
  fixture.silence(4000);
  fixture.speech(3000);
  CHECK(fixture.count<protocol::InputAudioBufferTimeoutTriggered>() == 0);
}

TEST_CASE("T6: semantic detection waits by eagerness while the sentence is not finished",
          "[server][conversation]") {
  using Eagerness = protocol::SemanticVad::Eagerness;
  ConversationSettings settings;
  settings.recognizes_first = true;
  const auto [eagerness, said, ends_after] = GENERATE(table<Eagerness, std::string, int>({
      {Eagerness::high, "I would like to", 2000},
      {Eagerness::automatic, "I would like to", 4000},
      {Eagerness::low, "I would like to", 8000},
      {Eagerness::low, "What is the time?", 500},
  }));
  Fixture fixture(with_vad(protocol::SemanticVad{.eagerness = eagerness}), settings);
  fixture.speech();
  fixture.silence(192);
  fixture.transcript(1, fixture.last<protocol::SpeechStarted>().item_id, said);
  fixture.silence(ends_after - 192 - 64);
  CHECK(fixture.count<protocol::SpeechStopped>() == 0);
  fixture.silence(128);
  CHECK(fixture.count<protocol::SpeechStopped>() == 1);
  CHECK(fixture.count<protocol::ResponseCreated>() == 1);
}

TEST_CASE("semantic detection without a transcript ends the turn as server_vad does",
          "[server][conversation]") {
  Fixture fixture(with_vad(protocol::SemanticVad{}));
  fixture.speech();
  fixture.silence(512);
  CHECK(fixture.count<protocol::SpeechStopped>() == 1);
}

TEST_CASE("T8: push to talk gives no detection events and answers when asked", "[server][conversation]") {
  Fixture fixture(push_to_talk_session());
  const auto mark = fixture.mark();
  fixture.client(protocol::InputAudioBufferClear{});
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  CHECK(fixture.types(mark) == Types{"input_audio_buffer.cleared", "input_audio_buffer.committed",
                                     "conversation.item.added", "conversation.item.done"});
  CHECK(fixture.requests.empty());
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Hello.", 100);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
  CHECK(fixture.request().context.at(0).id == fixture.last<protocol::InputAudioBufferCommitted>().item_id);
}

TEST_CASE("A1, A2: committing less than 100 ms is refused with the length in hand",
          "[server][conversation]") {
  Fixture fixture(push_to_talk_session());
  fixture.client(protocol::InputAudioBufferCommit{});
  CHECK(fixture.error().code == protocol::ErrorCode::input_audio_buffer_commit_empty);
  CHECK(fixture.error().message.find("0.00ms") != std::string::npos);
  fixture.on(UserAudio{std::vector<float>(940), 60, false, {}});
  fixture.client(protocol::InputAudioBufferCommit{});
  CHECK(fixture.error().message.find("60.00ms") != std::string::npos);
  CHECK(fixture.count<protocol::InputAudioBufferCommitted>() == 0);
}

TEST_CASE("A3: 100 ms are enough", "[server][conversation]") {
  Fixture fixture(push_to_talk_session());
  fixture.on(UserAudio{std::vector<float>(1580), 100, false, {}});
  fixture.client(protocol::InputAudioBufferCommit{});
  const auto id = fixture.last<protocol::InputAudioBufferCommitted>().item_id;
  CHECK(fixture.last<protocol::ConversationItemAdded>().item.id == id);
  CHECK(fixture.last<protocol::ConversationItemDone>().item.id == id);
  CHECK(fixture.performed<Hear>().at(0).item_id == id);
}

TEST_CASE("A7: what was cleared is not committed and its item never used", "[server][conversation]") {
  Fixture fixture(push_to_talk_session());
  fixture.on(UserAudio{std::vector<float>(16000), 1000, false, {}});
  fixture.client(protocol::InputAudioBufferClear{});
  CHECK(fixture.performed<Forget>().at(0).item_id == fixture.performed<Hear>().at(0).item_id);
  fixture.client(protocol::InputAudioBufferCommit{});
  CHECK(fixture.error().code == protocol::ErrorCode::input_audio_buffer_commit_empty);
}

TEST_CASE("A9: committing during detected speech uses the announced item and stops nothing",
          "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  const auto mark = fixture.mark();
  fixture.client(protocol::InputAudioBufferCommit{});
  CHECK(fixture.types(mark) ==
        Types{"input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"});
  CHECK(fixture.last<protocol::InputAudioBufferCommitted>().item_id ==
        fixture.last<protocol::SpeechStarted>().item_id);
  fixture.silence();
  CHECK(fixture.count<protocol::SpeechStopped>() == 0);
}

TEST_CASE("binary and JSON audio do not mix within one buffer", "[server][conversation]") {
  protocol::Session session = native_session();
  session.turn_detection.reset();
  Fixture fixture(session);
  fixture.on(UserAudio{std::vector<float>(1600), 100, true, {}});
  fixture.on(UserAudio{std::vector<float>(1600), 100, false, "append"});
  CHECK(fixture.error().code == protocol::ErrorCode::invalid_value);
  CHECK(fixture.error().param == "audio");
  CHECK(fixture.error().event_id == "append");
  fixture.client(protocol::InputAudioBufferCommit{});
  fixture.on(UserAudio{std::vector<float>(1600), 100, false, {}});
  CHECK(fixture.count<protocol::ErrorEvent>() == 1);
}

TEST_CASE("a gap in the client's audio ends the turn", "[server][conversation]") {
  Fixture fixture;
  fixture.speech();
  fixture.on(UserAudioGap{});
  CHECK(fixture.count<protocol::SpeechStopped>() == 1);
  CHECK(fixture.requests.size() == 1);
}

}  // namespace
}  // namespace parley::conversation
