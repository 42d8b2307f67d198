#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using Code = protocol::ErrorCode;
using Status = protocol::ResponseStatus;
using namespace std::chrono_literals;
using Types = std::vector<std::string>;

const protocol::Response& last_response(const Fixture& fixture) {
  return fixture.last<protocol::ResponseDone>().response;
}

TEST_CASE("R12: a spoken answer comes in the documented order and ends with its usage",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("Hi", "u"), {}});
  const auto mark = fixture.mark();
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Good morning.", 40);
  CHECK(fixture.types(mark) == Types{"response.created", "rate_limits.updated", "response.output_item.added",
                                     "conversation.item.added", "response.content_part.added",
                                     "response.output_audio_transcript.delta", "response.output_audio.done",
                                     "response.output_audio_transcript.done", "response.content_part.done",
                                     "conversation.item.done", "response.output_item.done", "response.done"});
  CHECK(fixture.sent_ms() == 40);
  const auto& response = last_response(fixture);
  CHECK(response.status == Status::completed);
  CHECK(response.conversation_id);
  CHECK(response.usage == protocol::Usage{20, 100, 10, 54, 3, 4});
  REQUIRE(response.output.size() == 1);
  const auto& message = std::get<protocol::Message>(response.output[0].body);
  CHECK(message.content[0] == protocol::ContentPart(protocol::OutputAudio{"Good morning.", {}}));
  CHECK(fixture.last<protocol::ConversationItemDone>().previous_item_id == "u");
}

TEST_CASE("audio deltas are 40 ms first and then 80 to 120 ms, and not paced", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Hello");
  fixture.audio(1, 900);
  fixture.audio(1, 3000);
  fixture.done(1);
  const auto sent = fixture.performed<SendAudio>();
  CHECK(sent[0].packet.ms() == 40);
  for (std::size_t i = 1; i + 1 < sent.size(); ++i) {
    CHECK((sent[i].packet.ms() >= 80 && sent[i].packet.ms() <= 120));
    CHECK(sent[i].as_delta);
    CHECK_FALSE(sent[i].as_packet);
  }
  CHECK(fixture.sent_ms() == 3900);
}

TEST_CASE("the engine is asked with the session's choices and the response's own before them",
          "[server][conversation]") {
  protocol::Session session = default_session();
  session.tools = {{"look_up", "Looks up.", protocol::RawJson{R"({"type":"object"})"}}};
  session.speed = 1.25;
  session.max_output_tokens.tokens = 77;
  Fixture fixture(session);
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().instructions == "Be brief.");
  CHECK(fixture.request().voice == "anna");
  CHECK(fixture.request().speed == 1.25F);
  CHECK(fixture.request().max_output_tokens == 77);
  CHECK(fixture.request().tools.at(0).parameters == R"({"type":"object"})");
  CHECK(fixture.request().output == engine::Output::speech);
  CHECK_FALSE(fixture.request().speculative);
  fixture.client(protocol::ResponseCancel{});

  protocol::ResponseParameters own;
  own.instructions = "Sing.";
  own.output_modality = protocol::Modality::text;
  own.tools.emplace();
  own.max_output_tokens = protocol::TokenLimit{};
  fixture.client(protocol::ResponseCreate{own});
  CHECK(fixture.request().instructions == "Sing.");
  CHECK(fixture.request().output == engine::Output::text);
  CHECK(fixture.request().tools.empty());
  CHECK_FALSE(fixture.request().max_output_tokens);
  CHECK(fixture.conversation.session() == session);
}

TEST_CASE("a tool choice that names no tool is refused", "[server][conversation]") {
  Fixture fixture;
  protocol::ResponseParameters own;
  own.tool_choice = protocol::ToolChoice{protocol::ToolChoice::Mode::function, "nope"};
  fixture.client(protocol::ResponseCreate{own});
  CHECK(fixture.error().code == Code::invalid_value);
  CHECK(fixture.count<protocol::ResponseCreated>() == 0);
}

TEST_CASE("R1: cancelling when nothing runs is refused and harmless", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCancel{});
  CHECK(fixture.error().code == Code::response_cancel_not_active);
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(1, "Fine.", 100);
  CHECK(last_response(fixture).status == Status::completed);
}

TEST_CASE("R2, R11: a second response is refused with the first one's id", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{}, "first");
  fixture.client(protocol::ResponseCreate{}, "second");
  CHECK(fixture.error().code == Code::conversation_already_has_active_response);
  CHECK(fixture.error().event_id == "second");
  CHECK(fixture.error().message.find(fixture.last<protocol::ResponseCreated>().response.id) !=
        std::string::npos);
  CHECK(fixture.requests.size() == 1);
}

TEST_CASE("R3: cancelling by a wrong id leaves the response alone", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.client(protocol::ResponseCancel{"resp_other"});
  CHECK(fixture.error().code == Code::response_cancel_not_active);
  CHECK_FALSE(fixture.cancelled(1));
  fixture.answer(1, "Still here.", 100);
  CHECK(last_response(fixture).status == Status::completed);
}

TEST_CASE("R4: a cancelled response closes everything and is not heard of again", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "A long story");
  fixture.audio(1, 500, 6);
  const auto mark = fixture.mark();
  const auto sent = fixture.sent_ms();
  fixture.client(protocol::ResponseCancel{});
  CHECK(fixture.types(mark) == Types{"response.output_audio.done", "response.output_audio_transcript.done",
                                     "response.content_part.done", "conversation.item.done",
                                     "response.output_item.done", "response.done"});
  CHECK(fixture.cancelled(1));
  CHECK(fixture.performed<Purge>().size() == 1);
  CHECK(last_response(fixture).status == Status::cancelled);
  CHECK(last_response(fixture).status_details.cancelled == protocol::CancelReason::client_cancelled);
  CHECK(last_response(fixture).output.at(0).status == protocol::ItemStatus::incomplete);

  const auto end = fixture.mark();
  fixture.text(1, " that goes on");
  fixture.audio(1, 500, 10);
  fixture.done(1, engine::TurnStatus::cancelled);
  CHECK(fixture.types(end).empty());
  CHECK(fixture.sent_ms() == sent);
  CHECK(fixture.conversation.counts().late_events == 3);
}

TEST_CASE("a response that is cancelled before it said anything has no output", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.client(protocol::ResponseCancel{});
  CHECK(last_response(fixture).status == Status::cancelled);
  CHECK(last_response(fixture).output.empty());
}

TEST_CASE("text that ran ahead of the sound of a cancelled answer was never said", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three four");
  fixture.audio(1, 1000, 9);
  fixture.client(protocol::ResponseCancel{});
  fixture.on(AudioDropped{1, 400});  // of the second that was sent, 600 ms left
  fixture.client(protocol::ResponseCreate{});
  REQUIRE(fixture.request().context.size() == 1);
  CHECK(fixture.request().context[0].text == "one");
  CHECK(fixture.request().context[0].heard_ms == 540);  // 60 ms were still too short for a delta
}

TEST_CASE("R5: a text answer has only text events", "[server][conversation]") {
  Fixture fixture;
  protocol::ResponseParameters own;
  own.output_modality = protocol::Modality::text;
  fixture.client(protocol::ResponseCreate{own});
  const auto mark = fixture.mark();
  fixture.text(1, "Good ");
  fixture.text(1, "morning.");
  fixture.done(1);
  CHECK(fixture.types(mark) == Types{"response.output_item.added", "conversation.item.added",
                                     "response.content_part.added", "response.output_text.delta",
                                     "response.output_text.delta", "response.output_text.done",
                                     "response.content_part.done", "conversation.item.done",
                                     "response.output_item.done", "response.done"});
  CHECK(fixture.last<protocol::ResponseContentPartDone>().part ==
        protocol::ResponsePart{protocol::Modality::text, "Good morning."});
  const auto& message = std::get<protocol::Message>(last_response(fixture).output.at(0).body);
  CHECK(message.content[0] == protocol::ContentPart(protocol::OutputText{"Good morning."}));
}

TEST_CASE("R6: an answer that reached its token limit is incomplete", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Go");
  fixture.done(1, engine::TurnStatus::max_output_tokens);
  CHECK(last_response(fixture).status == Status::incomplete);
  CHECK(last_response(fixture).status_details.incomplete == protocol::IncompleteReason::max_output_tokens);
  CHECK(last_response(fixture).output.at(0).status == protocol::ItemStatus::incomplete);
}

TEST_CASE("R7: an out-of-band response runs beside the active one and leaves the conversation alone",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("Hi", "u"), {}});
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Hello");

  protocol::ResponseParameters own;
  own.out_of_band = true;
  own.output_modality = protocol::Modality::text;
  own.metadata = protocol::Metadata{{"topic", "classify"}};
  own.input = std::vector<protocol::InputItem>{protocol::ItemReference{"u"}, user_text("Which language?")};
  const auto mark = fixture.mark();
  fixture.client(protocol::ResponseCreate{own});
  CHECK(fixture.request().out_of_band);
  REQUIRE(fixture.request().context.size() == 2);
  CHECK(fixture.request().context[0].id == "u");
  CHECK(fixture.request().context[1].text == "Which language?");
  fixture.text(2, "English");
  fixture.done(2);
  CHECK(fixture.types(mark) == Types{"response.created", "rate_limits.updated", "response.output_item.added",
                                     "response.content_part.added", "response.output_text.delta",
                                     "response.output_text.done", "response.content_part.done",
                                     "response.output_item.done", "response.done"});
  CHECK_FALSE(last_response(fixture).conversation_id);
  CHECK(last_response(fixture).metadata == own.metadata);
  const auto item = last_response(fixture).output.at(0).id;
  fixture.client(protocol::ConversationItemRetrieve{item});
  CHECK(fixture.error().code == Code::item_retrieve_invalid_item_id);

  fixture.audio(1, 200, 5);
  fixture.done(1);
  CHECK(last_response(fixture).status == Status::completed);
}

TEST_CASE("out-of-band responses are cancelled by id only, not by speech, and are capped",
          "[server][conversation]") {
  Fixture fixture;
  protocol::ResponseParameters own;
  own.out_of_band = true;
  fixture.client(protocol::ResponseCreate{own});
  const auto id = fixture.last<protocol::ResponseCreated>().response.id;
  fixture.text(1, "Thinking");
  fixture.speech();
  CHECK(fixture.count<protocol::SpeechStarted>() == 1);
  CHECK_FALSE(fixture.cancelled(1));
  fixture.client(protocol::ResponseCancel{});
  CHECK(fixture.error().code == Code::response_cancel_not_active);
  fixture.client(protocol::ResponseCreate{own});
  fixture.client(protocol::ResponseCreate{own});
  CHECK(fixture.error().code == Code::rate_limit_exceeded);
  fixture.client(protocol::ResponseCancel{id});
  CHECK(fixture.cancelled(1));
  CHECK(last_response(fixture).id == id);
}

TEST_CASE("R8: a reference to an item that does not exist is refused by its place",
          "[server][conversation]") {
  Fixture fixture;
  protocol::ResponseParameters own;
  own.input = std::vector<protocol::InputItem>{protocol::ItemReference{"nope"}};
  fixture.client(protocol::ResponseCreate{own});
  CHECK(fixture.error().code == Code::invalid_value);
  CHECK(fixture.error().param == "response.input[0].id");
  CHECK(fixture.requests.empty());
}

TEST_CASE("R9: a function call is told with its name and its output leads to an answer",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "One moment.");
  fixture.audio(1, 300, 11);
  const auto mark = fixture.mark();
  fixture.on(engine::Event(
      engine::ToolCall{1, "look_up", R"({"q": "time")"}));  // not valid JSON: passed on as it is
  CHECK(fixture.types(mark) == Types{"response.output_audio.done", "response.output_audio_transcript.done",
                                     "response.content_part.done", "conversation.item.done",
                                     "response.output_item.done", "response.output_item.added",
                                     "conversation.item.added", "response.function_call_arguments.delta",
                                     "response.function_call_arguments.done", "conversation.item.done",
                                     "response.output_item.done"});
  fixture.done(1);
  const auto& call = fixture.last<protocol::ResponseFunctionCallArgumentsDone>();
  CHECK(call.name == "look_up");
  CHECK(call.arguments == R"({"q": "time")");
  CHECK(call.output_index == 1);
  CHECK(last_response(fixture).output.at(1).status == protocol::ItemStatus::completed);

  const protocol::Item output{"", protocol::ItemStatus::completed,
                              protocol::FunctionCallOutput{call.call_id, "noon"}};
  fixture.client(protocol::ConversationItemCreate{output, {}});
  fixture.client(protocol::ResponseCreate{});
  const auto& context = fixture.request().context;
  REQUIRE(context.size() == 3);
  CHECK(context[1].kind == engine::ItemKind::function_call);
  CHECK(context[1].name == "look_up");
  CHECK(context[2].kind == engine::ItemKind::function_call_output);
  CHECK(context[2].call_id == call.call_id);
  CHECK(context[2].text == "noon");
}

TEST_CASE("text after a function call is a new message aligned to its own start", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Wait.");
  fixture.audio(1, 200, 5);
  fixture.on(engine::Event(engine::ToolCall{1, "f", "{}"}));
  fixture.text(1, "one two three");
  fixture.audio(1, 1300, 18);
  fixture.done(1);
  CHECK(last_response(fixture).output.size() == 3);
  const auto id = last_response(fixture).output[2].id;
  fixture.client(protocol::ConversationItemTruncate{id, 0, 700});
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().context.back().text == "one two");
}

TEST_CASE("R10: a turn that fails fails its response and the session goes on", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Well");
  engine::TurnDone failed{1, engine::TurnStatus::failed, "engine_overloaded", "All slots are taken.", {}};
  fixture.on(engine::Event(failed));
  CHECK(last_response(fixture).status == Status::failed);
  CHECK(last_response(fixture).status_details.failed->code == Code::engine_overloaded);
  CHECK(last_response(fixture).status_details.failed->message == "All slots are taken.");
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(2, "Better now.", 100);
  CHECK(last_response(fixture).status == Status::completed);
}

TEST_CASE("a response that takes too long fails and its turn is cancelled", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.audio(1, 10'000);
  fixture.pass(125s);
  CHECK(fixture.count<protocol::ResponseDone>() == 0);  // what it says takes its time too
  fixture.pass(10s);
  CHECK(last_response(fixture).status == Status::failed);
  CHECK(fixture.cancelled(1));
}

TEST_CASE("a budget that is used up refuses the response visibly", "[server][conversation]") {
  Fixture fixture;
  fixture.on(Budget{10, 0, 1000, 500, 12.5});
  fixture.client(protocol::ResponseCreate{});
  CHECK(last_response(fixture).status == Status::failed);
  CHECK(last_response(fixture).status_details.failed->code == Code::rate_limit_exceeded);
  CHECK(fixture.requests.empty());
  CHECK(fixture.last<protocol::RateLimitsUpdated>().rate_limits.at(0).remaining == 0);
  CHECK(fixture.last<protocol::RateLimitsUpdated>().rate_limits.at(0).reset_seconds == 12.5);
}

}  // namespace
}  // namespace parley::conversation
