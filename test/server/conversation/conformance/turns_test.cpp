// Cases T of protocol.md 14, on the wire.
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;
using namespace std::chrono_literals;

const Types barge_in = {"input_audio_buffer.speech_started",
                        "response.output_audio.done",
                        "response.output_audio_transcript.done",
                        "response.content_part.done",
                        "conversation.item.done",
                        "response.output_item.done",
                        "response.done"};

// session.update of audio.input
Json listen(const Json& input) {
  return {{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", input}}}}}};
}
Json server_vad(const Json& more = Json::object()) {
  Json detection{{"type", "server_vad"}};
  detection.update(more);
  return listen({{"turn_detection", detection}});
}

ConversationSettings recognizing() {
  ConversationSettings settings;
  settings.recognizes_first = true;
  return settings;
}

TEST_CASE("T1: a spoken turn is the documented sequence under one item id, from its onset less the padding",
          "[conformance]") {
  WireFixture client(default_session(), recognizing());
  client.say(listen({{"transcription", {{"model", "whisper-1"}}}}));
  const auto mark = client.received();
  client.hush(1000);
  client.hum(1500);
  client.hush(600);
  const auto item = client.latest("input_audio_buffer.speech_started")["item_id"].get<std::string>();
  client.transcript(client.last_turn, item, "Good morning.");
  client.text(client.last_turn, "Hello");
  client.audio(client.last_turn, 300, 3);
  client.text(client.last_turn, " you.");
  client.audio(client.last_turn, 300, 10);
  client.done(client.last_turn);
  CHECK(client.dialogue(mark) == Types{"input_audio_buffer.speech_started",
                                       "input_audio_buffer.speech_stopped",
                                       "input_audio_buffer.committed",
                                       "conversation.item.added",
                                       "conversation.item.done",
                                       "response.created",
                                       "rate_limits.updated",
                                       "conversation.item.input_audio_transcription.completed",
                                       "response.output_item.added",
                                       "conversation.item.added",
                                       "response.content_part.added",
                                       "response.output_audio_transcript.delta",
                                       "response.output_audio.delta",
                                       "response.output_audio_transcript.delta",
                                       "response.output_audio.delta",
                                       "response.output_audio.done",
                                       "response.output_audio_transcript.done",
                                       "response.content_part.done",
                                       "conversation.item.done",
                                       "response.output_item.done",
                                       "response.done"});
  const Json started = client.latest("input_audio_buffer.speech_started");
  const Json stopped = client.latest("input_audio_buffer.speech_stopped");
  CHECK(started["audio_start_ms"].get<int>() == Approx(1000 - 300).margin(60));
  CHECK(stopped["audio_end_ms"].get<int>() == Approx(1000 + 1500 + 500).margin(60));
  CHECK(stopped["item_id"] == item);
  CHECK(client.latest("input_audio_buffer.committed")["item_id"] == item);
  CHECK(client.all("conversation.item.added", mark)[0]["item"]["id"] == item);
  CHECK(client.all("conversation.item.done", mark)[0]["item"]["id"] == item);
  CHECK(client.all("conversation.item.added", mark)[1]["previous_item_id"] == item);
  CHECK(client.latest("conversation.item.input_audio_transcription.completed")["item_id"] == item);
}

TEST_CASE("T2: with create_response false a turn waits for the client to ask", "[conformance]") {
  WireFixture client;
  client.say(server_vad({{"create_response", false}}));
  client.hum();
  client.hush();
  CHECK(client.all("input_audio_buffer.committed").size() == 1);
  CHECK(client.all("response.created").empty());
  CHECK(client.requests.empty());
  client.say(create_response);
  CHECK(client.request().context.at(0).speech);
}

TEST_CASE("T3: speech over the answer cancels it, and no delta follows its audio's end", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "Once upon a time");
  client.audio(1, 2000, 9);
  const auto mark = client.received();
  client.hum(120);
  CHECK(client.dialogue(mark) == barge_in);
  const Json response = client.latest("response.done")["response"];
  CHECK(response["status"] == "cancelled");
  CHECK(response["status_details"] == Json{{"type", "cancelled"}, {"reason", "turn_detected"}});
  const auto end = client.received();
  client.audio(1, 2000, 16);
  client.text(1, " there was");
  CHECK(client.received() == end);

  // What the agents SDKs do next.
  const auto id = client.latest("response.output_item.done")["item"]["id"].get<std::string>();
  client.say(Json{
      {"type", "conversation.item.truncate"}, {"item_id", id}, {"content_index", 0}, {"audio_end_ms", 1000}});
  client.say(Json{{"type", "conversation.item.retrieve"}, {"item_id", id}});
  CHECK(client.latest("conversation.item.truncated")["audio_end_ms"] == 1000);
  CHECK(client.latest("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "Once");
  client.hum();
  client.hush();
  CHECK(client.request().context.at(0).text == "Once");
  CHECK(client.request().context.at(1).speech);
}

TEST_CASE("T3: deltas that still wait for the socket are taken back before speech_started", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "Once upon a time");
  client.audio(1, 540, 9);
  const auto id = client.latest("response.output_item.added")["item"]["id"].get<std::string>();
  const auto before = client.delta_audio(id).size();
  client.stall();
  client.audio(1, 5000, 16);
  const auto mark = client.received();
  client.hum(120);
  client.resume();
  CHECK(client.dialogue(mark) == barge_in);
  CHECK(client.delta_audio(id).size() == before);
  // A client that thinks it has heard more is told how much there was.
  client.say(Json{
      {"type", "conversation.item.truncate"}, {"item_id", id}, {"content_index", 0}, {"audio_end_ms", 3000}});
  CHECK(client.latest("error")["error"]["message"] ==
        "Audio content of " + std::to_string(before / 48) + "ms is already shorter than 3000ms");
}

TEST_CASE("T3: speech before the first sound of an answer leaves a cancelled response without output",
          "[conformance]") {
  WireFixture client;
  client.hum();
  client.hush();
  REQUIRE(client.all("response.created").size() == 1);
  const auto mark = client.received();
  client.hum(120);
  CHECK(client.dialogue(mark) == Types{"input_audio_buffer.speech_started", "response.done"});
  const Json response = client.latest("response.done")["response"];
  CHECK(response["status"] == "cancelled");
  CHECK(response["output"] == Json::array());
}

TEST_CASE("T3: text that ran ahead of its sound was shown but never said", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "one two three four");  // nothing of it was spoken yet
  client.hum(120);
  CHECK(client.latest("response.output_audio_transcript.done")["transcript"] == "one two three four");
  client.hum();
  client.hush();
  CHECK(client.request().context.size() == 1);  // the user's speech alone
}

TEST_CASE("T4: without interruption the answer ends as it would, and one response follows", "[conformance]") {
  WireFixture client;
  client.say(server_vad({{"interrupt_response", false}}));
  client.say(create_response);
  client.text(1, "A long story");
  client.audio(1, 5000, 12);
  for (int i = 0; i < 2; ++i) {
    client.hum();
    client.hush();
  }
  CHECK(client.all("input_audio_buffer.committed").size() == 2);
  CHECK(client.all("response.done").empty());
  client.done(1);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
  CHECK(client.all("response.created").size() == 2);
  client.answer(client.last_turn, "Yes?", 100);
  CHECK(client.all("response.created").size() == 2);
}

TEST_CASE("T5: a long silence after an answer triggers the timeout, a commit and a response, once",
          "[conformance]") {
  WireFixture client;
  client.say(server_vad({{"idle_timeout_ms", 5000}}));
  client.hum();
  client.hush();
  client.answer(client.last_turn, "What else?", 2000);
  const auto mark = client.received();
  client.hush(6800);  // 2 s to hear the answer, then almost 5 of silence
  CHECK(client.dialogue(mark).empty());
  client.hush(400);
  REQUIRE(client.dialogue(mark) == Types{"input_audio_buffer.timeout_triggered",
                                         "input_audio_buffer.committed", "conversation.item.added",
                                         "conversation.item.done", "response.created",
                                         "rate_limits.updated"});
  const Json timeout = client.latest("input_audio_buffer.timeout_triggered");
  CHECK(client.latest("input_audio_buffer.committed")["item_id"] == timeout["item_id"]);
  CHECK(timeout["audio_end_ms"].get<int>() > timeout["audio_start_ms"].get<int>());
  client.answer(client.last_turn, "Are you there?", 500);
  client.hush(20'000);
  CHECK(client.all("input_audio_buffer.timeout_triggered").size() == 1);
}

TEST_CASE("T5: what the user or the client does in between disarms the timeout", "[conformance]") {
  WireFixture client;
  client.say(server_vad({{"idle_timeout_ms", 5000}}));
  client.say(create_response);
  client.answer(1, "Go on.", 100);
  client.hush(4000);
  SECTION("speech") { client.hum(3000); }
  SECTION("an item") {
    client.say(
        R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}})");
    client.hush(10'000);
  }
  SECTION("a response") {
    client.say(create_response);
    client.hush(10'000);
  }
  SECTION("switching it off") {
    client.say(server_vad());
    client.hush(10'000);
  }
  SECTION("push to talk") {
    client.say(listen({{"turn_detection", nullptr}}));
    client.hush(10'000);
  }
  CHECK(client.all("input_audio_buffer.timeout_triggered").empty());
}

TEST_CASE("T6: a pause in mid-sentence ends the turn of an eager session and not of a patient one",
          "[conformance]") {
  const std::string eagerness = GENERATE("low", "high");
  WireFixture client(default_session(), recognizing());
  client.say(listen({{"turn_detection", {{"type", "semantic_vad"}, {"eagerness", eagerness}}}}));
  client.hum(1000);
  client.hush(240);
  client.transcript(client.last_turn, client.latest("input_audio_buffer.speech_started")["item_id"],
                    "I would like to");
  client.hush(2000);
  CHECK(client.all("input_audio_buffer.speech_stopped").size() == (eagerness == "high" ? 1 : 0));
}

TEST_CASE("T7: with transcription on a turn is transcribed once and says how long it was", "[conformance]") {
  WireFixture client(default_session(), recognizing());
  client.say(listen({{"transcription", {{"model", "gpt-4o-mini-transcribe"}, {"language", "en"}}}}));
  client.hum(960);
  client.hush();
  CHECK(client.request().language == "en");
  const auto item = client.latest("input_audio_buffer.committed")["item_id"].get<std::string>();
  client.transcript(client.last_turn, item, "hello there");
  client.answer(client.last_turn, "Hi.", 100);
  client.pass(5s);
  const auto completed = client.all("conversation.item.input_audio_transcription.completed");
  REQUIRE(completed.size() == 1);
  CHECK(completed[0]["item_id"] == item);
  CHECK(completed[0]["content_index"] == 0);
  CHECK(completed[0]["transcript"] == "hello there");
  CHECK(completed[0]["usage"]["type"] == "duration");
  CHECK(completed[0]["usage"]["seconds"].get<double>() == Approx(0.96 + 0.5).margin(0.1));
  client.say(Json{{"type", "conversation.item.retrieve"}, {"item_id", item}});
  CHECK(client.latest("conversation.item.retrieved")["item"]["content"] ==
        Json::parse(R"([{"type":"input_audio","transcript":"hello there"}])"));
}

TEST_CASE("T7: with transcription off no transcript is told and none is shown", "[conformance]") {
  WireFixture client(default_session(), recognizing());
  client.hum();
  client.hush();
  const auto item = client.latest("input_audio_buffer.committed")["item_id"].get<std::string>();
  client.transcript(client.last_turn, item, "hello there");
  client.answer(client.last_turn, "Hi.", 100);
  client.pass(5s);
  for (const auto& message : client.messages())
    CHECK(message.json["type"].get<std::string>().find("transcription") == std::string::npos);
  client.say(Json{{"type", "conversation.item.retrieve"}, {"item_id", item}});
  CHECK(client.latest("conversation.item.retrieved")["item"]["content"][0]["transcript"].is_null());
}

TEST_CASE("T7: a transcription that fails is told without nulls", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(listen({{"transcription", {{"model", "whisper-1"}}}}));
  client.hum(400);
  client.say(R"({"type":"input_audio_buffer.commit"})");
  client.done(client.last_turn, engine::TurnStatus::failed);
  const Json failed = client.latest("conversation.item.input_audio_transcription.failed");
  CHECK(failed["item_id"] == client.latest("input_audio_buffer.committed")["item_id"]);
  CHECK(failed["error"]["type"] == "server_error");
}

TEST_CASE("T8: push to talk has no detection events and is answered when asked", "[conformance]") {
  WireFixture client;
  client.say(listen({{"turn_detection", nullptr}}));
  const auto mark = client.received();
  client.say(R"({"type":"input_audio_buffer.clear"})");
  client.hum(480);
  client.hush(1000);
  client.hum(480);
  client.say(R"({"type":"input_audio_buffer.commit"})");
  CHECK(client.dialogue(mark) == Types{"input_audio_buffer.cleared", "input_audio_buffer.committed",
                                       "conversation.item.added", "conversation.item.done"});
  client.say(create_response);
  client.answer(1, "Hello.", 300);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
  std::size_t heard = 0;
  for (const auto& hear : client.performed<Hear>()) heard += hear.pcm.size();
  CHECK(heard == 1960U * 16);
  CHECK(client.refusals().empty());
}

TEST_CASE("T8: committing during an answer does not disturb it", "[conformance]") {
  WireFixture client(push_to_talk_session());
  client.say(create_response);
  client.text(1, "A story");
  client.audio(1, 500, 7);
  client.hum(480);
  client.say(R"({"type":"input_audio_buffer.commit"})");
  CHECK(client.all("response.done").empty());
  client.done(1);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
  client.say(create_response);
  CHECK(client.request().context.back().speech);
}

TEST_CASE("an answer that was started on trial and thrown away leaves no trace on the wire",
          "[conformance]") {
  // The same dialogue twice, with and without speculation: a client cannot tell which is which.
  const auto talk = [](bool speculate) {
    ConversationSettings settings = recognizing();
    settings.speculate = speculate;
    WireFixture client(default_session(), settings);
    client.say(listen({{"transcription", {{"model", "whisper-1"}}}}));
    client.hum(1000);
    for (int pause = 0; pause < 3; ++pause) {
      client.hush(280);
      if (speculate) {
        // As an engine would that does not hold its events back.
        const auto turn = client.last_turn;
        CHECK(client.request().speculative);
        client.transcript(turn, client.request().context.back().id, "I said");
        client.text(turn, "You said");
        client.audio(turn, 700, 8);
        client.done(turn);
      }
      client.hum(600);
    }
    client.hush(240);
    const auto trial = client.last_turn;
    client.hush(400);
    // The last one is kept.
    const auto turn = client.last_turn;
    if (speculate) CHECK(turn == trial);
    client.transcript(turn, client.request().context.back().id, "I said it all.");
    client.answer(turn, "So you did.", 700);
    if (speculate) {
      CHECK(client.conversation.counts().speculation.thrown_away == 3);
      CHECK(client.conversation.counts().speculation.kept == 1);
    }
    // The ids are random; all else must be the same.
    std::vector<std::string> told;
    for (auto message : client.messages()) {
      std::string text = message.json.dump();
      for (const char* prefix : {"event_", "item_", "resp_", "conv_"}) {
        for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
          const auto digits = at + std::string_view(prefix).size();
          const auto end = text.find('"', digits);
          if (end != std::string::npos && end - digits == 21) text.erase(digits, 21);
        }
      }
      told.push_back(text);
    }
    return told;
  };
  const auto with = talk(true);
  const auto without = talk(false);
  CHECK(with == without);
}

}  // namespace
}  // namespace parley::conversation
