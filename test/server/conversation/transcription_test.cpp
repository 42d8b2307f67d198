#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;

ConversationSettings recognizing() {
  ConversationSettings settings;
  settings.recognizes_first = true;
  return settings;
}

protocol::Session transcribed(protocol::Session session = default_session()) {
  session.transcription.emplace();
  session.transcription->language = "en";
  return session;
}

std::optional<std::string> shown_transcript(Fixture& fixture, const std::string& id) {
  fixture.client(protocol::ConversationItemRetrieve{id});
  const auto& message =
      std::get<protocol::Message>(fixture.last<protocol::ConversationItemRetrieved>().item.body);
  return std::get<protocol::InputAudio>(message.content.at(0)).transcript;
}

TEST_CASE("T7: with transcription on the answer's turn tells what the user said, once",
          "[server][conversation]") {
  Fixture fixture(transcribed(), recognizing());
  fixture.speech();
  fixture.silence(512);
  const auto id = fixture.last<protocol::SpeechStarted>().item_id;
  CHECK(fixture.request().language == "en");
  fixture.transcript(1, id, "hello there");
  const auto& completed = fixture.last<protocol::InputAudioTranscriptionCompleted>();
  CHECK(completed.item_id == id);
  CHECK(completed.transcript == "hello there");
  CHECK(completed.seconds == Approx(1.15).margin(0.1));
  CHECK(shown_transcript(fixture, id) == "hello there");
  fixture.transcript(1, id, "hello there");
  fixture.answer(1, "Hi.", 100);
  fixture.pass(5s);
  CHECK(fixture.count<protocol::InputAudioTranscriptionCompleted>() == 1);
  CHECK(fixture.requests.size() == 1);
}

TEST_CASE("T7: with transcription off nothing is told, but the next answer knows the words",
          "[server][conversation]") {
  Fixture fixture(default_session(), recognizing());
  fixture.speech();
  fixture.silence(512);
  const auto id = fixture.last<protocol::SpeechStarted>().item_id;
  fixture.transcript(1, id, "hello there");
  fixture.answer(1, "Hi.", 100);
  CHECK(fixture.count<protocol::InputAudioTranscriptionCompleted>() == 0);
  CHECK_FALSE(shown_transcript(fixture, id));
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().context.at(0).text == "hello there");
  CHECK(fixture.request().context.at(0).speech);
}

TEST_CASE("an utterance that no answer covers is transcribed on its own", "[server][conversation]") {
  Fixture fixture(transcribed(push_to_talk_session()), recognizing());
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  const auto id = fixture.last<protocol::InputAudioBufferCommitted>().item_id;
  CHECK(fixture.requests.empty());  // a response.create may come with the next message
  fixture.pass(250ms);
  REQUIRE(fixture.requests.size() == 1);
  CHECK(fixture.request().output == engine::Output::transcript);
  CHECK(fixture.request().out_of_band);
  REQUIRE(fixture.request().context.size() == 1);
  CHECK(fixture.request().context[0].id == id);
  fixture.transcript(1, id, "");
  fixture.done(1);
  CHECK(fixture.last<protocol::InputAudioTranscriptionCompleted>().transcript.empty());
  CHECK(fixture.count<protocol::ResponseCreated>() == 0);
  fixture.pass(5s);
  CHECK(fixture.requests.size() == 1);
}

TEST_CASE("a push to talk answer saves the extra turn", "[server][conversation]") {
  Fixture fixture(transcribed(push_to_talk_session()), recognizing());
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  fixture.client(protocol::ResponseCreate{});
  fixture.pass(1s);
  CHECK(fixture.requests.size() == 1);
}

TEST_CASE("when the answer is cancelled before it told, the transcript is still owed",
          "[server][conversation]") {
  Fixture fixture(transcribed(push_to_talk_session()), recognizing());
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  fixture.client(protocol::ResponseCreate{});
  fixture.client(protocol::ResponseCancel{});
  REQUIRE(fixture.requests.size() == 2);
  CHECK(fixture.request().output == engine::Output::transcript);
}

TEST_CASE("a model that does not recognize first transcribes beside its answer", "[server][conversation]") {
  Fixture fixture(transcribed());
  fixture.speech();
  fixture.silence(512);
  REQUIRE(fixture.requests.size() == 2);
  CHECK(fixture.requests.at(1).output == engine::Output::speech);
  CHECK(fixture.requests.at(2).output == engine::Output::transcript);
  fixture.answer(1, "Hi.", 100);
  fixture.transcript(2, fixture.last<protocol::SpeechStarted>().item_id, "hello");
  fixture.done(2);
  CHECK(fixture.last<protocol::InputAudioTranscriptionCompleted>().transcript == "hello");
}

TEST_CASE("a transcription that fails is told as failed", "[server][conversation]") {
  Fixture fixture(transcribed(push_to_talk_session()));
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  fixture.done(1, engine::TurnStatus::failed);
  CHECK(fixture.last<protocol::InputAudioTranscriptionFailed>().item_id ==
        fixture.last<protocol::InputAudioBufferCommitted>().item_id);
}

TEST_CASE("deleting an item ends its transcription", "[server][conversation]") {
  Fixture fixture(transcribed(push_to_talk_session()));
  fixture.speech(320);
  fixture.client(protocol::InputAudioBufferCommit{});
  fixture.client(
      protocol::ConversationItemDelete{fixture.last<protocol::InputAudioBufferCommitted>().item_id});
  CHECK(fixture.cancelled(1));
  fixture.done(1, engine::TurnStatus::cancelled);
  CHECK(fixture.count<protocol::InputAudioTranscriptionFailed>() == 0);
}

TEST_CASE("silence that was committed by the idle timeout says nothing", "[server][conversation]") {
  protocol::Session session = transcribed();
  session.turn_detection = protocol::ServerVad{.idle_timeout_ms = 5000};
  Fixture fixture(session, recognizing());
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Yes?", 100);
  fixture.pass(6s);  // not even audio came
  CHECK(fixture.count<protocol::InputAudioBufferTimeoutTriggered>() == 1);
  CHECK(fixture.last<protocol::InputAudioTranscriptionCompleted>().transcript.empty());
  CHECK_FALSE(fixture.request().context.back().speech);
}

}  // namespace
}  // namespace parley::conversation
