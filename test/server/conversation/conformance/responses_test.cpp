// Cases R of protocol.md 14, on the wire.
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;

const char* const cancel = R"({"type":"response.cancel"})";

Json create_with(const Json& response) { return {{"type", "response.create"}, {"response", response}}; }

// Everything that carries a response's id, by type, with runs of deltas told once.
Types of_response(const WireFixture& client, const std::string& id, std::size_t from = 0) {
  Types types;
  for (std::size_t i = from; i < client.received(); ++i) {
    const Json& event = client.messages()[i].json;
    const bool own = event.value("response_id", "") == id ||
                     (event.contains("response") && event["response"].value("id", "") == id);
    if (!own) continue;
    const auto type = event["type"].get<std::string>();
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  return types;
}

TEST_CASE("R1: cancelling while nothing runs is an error that harms nothing", "[conformance]") {
  WireFixture client;
  client.say(cancel);
  CHECK(client.refusals() == Types{"response_cancel_not_active -"});
  CHECK(client.latest("error")["error"]["message"] == "Cancellation failed: no active response found");
  client.say(create_response);
  client.answer(1, "Fine.", 100);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
}

TEST_CASE("R2: a second response is refused and the active one is named", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  const auto id = client.latest("response.created")["response"]["id"].get<std::string>();
  client.text(1, "One");
  client.say(create_response);
  CHECK(client.refusals() == Types{"conversation_already_has_active_response -"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Conversation already has an active response in progress: " + id +
            ". Wait until the response is finished before creating a new one.");
  client.done(1);
  CHECK(client.latest("response.done")["response"]["id"] == id);
  client.say(create_response);
  CHECK(client.refusals().size() == 1);
}

TEST_CASE("R3: cancelling by another id is refused and the response goes on", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.say(R"({"type":"response.cancel","response_id":"resp_other"})");
  CHECK(client.refusals() == Types{"response_cancel_not_active -"});
  client.answer(1, "Still here.", 100);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
}

TEST_CASE("R4: cancelling while audio flows closes all that is open, and nothing follows response.done",
          "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "A long story");
  client.audio(1, 1000, 12);
  const auto mark = client.received();
  client.say(cancel);
  CHECK(client.dialogue(mark) == Types{"response.output_audio.done", "response.output_audio_transcript.done",
                                       "response.content_part.done", "conversation.item.done",
                                       "response.output_item.done", "response.done"});
  CHECK(client.latest("conversation.item.done")["item"]["status"] == "incomplete");
  CHECK(client.latest("response.output_item.done")["item"]["status"] == "incomplete");
  const Json response = client.latest("response.done")["response"];
  CHECK(response["status"] == "cancelled");
  CHECK(response["status_details"] == Json{{"type", "cancelled"}, {"reason", "client_cancelled"}});
  CHECK(response["output"][0]["status"] == "incomplete");
  CHECK(response["usage"]["total_tokens"].is_number_integer());
  CHECK(client.cancelled(1));
  const auto end = client.received();
  client.text(1, " without");
  client.audio(1, 1000, 20);
  client.done(1, engine::TurnStatus::cancelled);
  client.pass(std::chrono::seconds(3));
  CHECK(client.received() == end);
}

TEST_CASE("R4: audio that still waited for the socket is taken back and was not sent", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "A long story");
  client.audio(1, 440, 6);
  client.stall();
  client.audio(1, 2000, 12);
  client.say(cancel);
  client.resume();
  const auto id = client.latest("response.output_item.done")["item"]["id"].get<std::string>();
  const auto sent_ms = client.delta_audio(id).size() / 48;
  CHECK(sent_ms <= 440);
  client.say(Json{
      {"type", "conversation.item.truncate"}, {"item_id", id}, {"content_index", 0}, {"audio_end_ms", 1000}});
  CHECK(client.latest("error")["error"]["message"] ==
        "Audio content of " + std::to_string(sent_ms) + "ms is already shorter than 1000ms");
}

TEST_CASE(
    "R5: a text response has text events alone, with short names in its parts and long ones in its item",
    "[conformance]") {
  WireFixture client;
  client.say(create_with({{"output_modalities", {"text"}}}));
  const auto mark = client.received();
  client.text(1, "Good ");
  client.text(1, "morning.");
  client.done(1);
  CHECK(client.dialogue(mark) ==
        Types{"response.output_item.added", "conversation.item.added", "response.content_part.added",
              "response.output_text.delta", "response.output_text.done", "response.content_part.done",
              "conversation.item.done", "response.output_item.done", "response.done"});
  CHECK(client.latest("response.content_part.added")["part"] == Json{{"type", "text"}, {"text", ""}});
  CHECK(client.latest("response.content_part.done")["part"] ==
        Json{{"type", "text"}, {"text", "Good morning."}});
  CHECK(client.latest("response.output_text.done")["text"] == "Good morning.");
  const Json response = client.latest("response.done")["response"];
  CHECK(response["output"][0]["content"] ==
        Json::parse(R"([{"type":"output_text","text":"Good morning."}])"));
  CHECK(response["output_modalities"] == Json::array({"text"}));
  CHECK(client.request().output == engine::Output::text);
  CHECK(client.conversation.session().output_modality == protocol::Modality::audio);
}

TEST_CASE("R6: a response that ran into its token limit is incomplete", "[conformance]") {
  WireFixture client;
  client.say(create_with({{"max_output_tokens", 1}}));
  CHECK(client.request().max_output_tokens == 1);
  client.text(1, "Go");
  client.done(1, engine::TurnStatus::max_output_tokens);
  const Json response = client.latest("response.done")["response"];
  CHECK(response["status"] == "incomplete");
  CHECK(response["status_details"] == Json{{"type", "incomplete"}, {"reason", "max_output_tokens"}});
  CHECK(response["max_output_tokens"] == 1);
}

TEST_CASE("R7: an out-of-band response runs beside the active one, echoes its metadata and stays out",
          "[conformance]") {
  WireFixture client;
  client.say(
      R"({"type":"conversation.item.create","item":{"id":"u","type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}})");
  client.say(create_response);
  client.text(1, "Hello");
  const auto mark = client.received();
  client.say(R"({"type":"response.create","response":{"conversation":"none","output_modalities":["text"],
    "metadata":{"topic":"classify"},"instructions":"Classify.","input":[{"type":"item_reference","id":"u"},
    {"type":"message","role":"user","content":[{"type":"input_text","text":"Which language?"}]}]}})");
  const Json created = client.latest("response.created")["response"];
  CHECK(created["conversation_id"].is_null());
  CHECK(created["metadata"] == Json{{"topic", "classify"}});
  REQUIRE(client.request().context.size() == 2);
  CHECK(client.request().context[0].text == "Hi");
  CHECK(client.request().context[1].text == "Which language?");
  client.text(2, "English");
  client.audio(1, 400, 5);  // the two interleave
  client.done(2);
  CHECK(of_response(client, created["id"], mark) ==
        Types{"response.created", "response.output_item.added", "response.content_part.added",
              "response.output_text.delta", "response.output_text.done", "response.content_part.done",
              "response.output_item.done", "response.done"});
  CHECK(client.all("conversation.item.added", mark).empty());
  const Json done = client.latest("response.done")["response"];
  CHECK(done["conversation_id"].is_null());
  CHECK(done["metadata"] == Json{{"topic", "classify"}});
  client.say(Json{{"type", "conversation.item.retrieve"}, {"item_id", done["output"][0]["id"]}});
  CHECK(client.refusals().at(0).starts_with("item_retrieve_invalid_item_id "));
  client.done(1);
  CHECK(client.latest("response.done")["response"]["conversation_id"].is_string());
  CHECK(client.latest("response.done")["response"]["metadata"].is_null());
}

TEST_CASE("R8: a reference to no item is refused by its place", "[conformance]") {
  WireFixture client;
  client.say(R"({"type":"response.create","response":{"input":[{"type":"item_reference","id":"nope"}]}})");
  CHECK(client.refusals() == Types{"invalid_value response.input[0].id"});
  CHECK(client.requests.empty());
}

TEST_CASE("R9: a function is called by name, and its output and a response.create lead to an answer",
          "[conformance]") {
  WireFixture client;
  client.say(R"({"type":"session.update","session":{"type":"realtime","tools":[{"type":"function",
    "name":"look_up","description":"Looks up.","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}]}})");
  client.say(create_response);
  REQUIRE(client.request().tools.size() == 1);
  const auto mark = client.received();
  client.on(engine::Event(engine::ToolCall{1, "look_up", R"({"q":"time"})"}));
  client.done(1);
  CHECK(client.dialogue(mark) == Types{"response.output_item.added", "conversation.item.added",
                                       "response.function_call_arguments.delta",
                                       "response.function_call_arguments.done", "conversation.item.done",
                                       "response.output_item.done", "response.done"});
  const Json call = client.latest("response.function_call_arguments.done");
  CHECK(call["name"] == "look_up");
  CHECK(call["arguments"] == R"({"q":"time"})");
  const Json item = client.latest("response.output_item.done")["item"];
  CHECK(item["status"] == "completed");
  CHECK(item["call_id"] == call["call_id"]);
  CHECK(client.latest("response.output_item.added")["item"]["arguments"] == "");

  client.say(
      Json{{"type", "conversation.item.create"},
           {"item", {{"type", "function_call_output"}, {"call_id", call["call_id"]}, {"output", "noon"}}}});
  client.say(create_response);
  REQUIRE(client.request().context.size() == 2);
  CHECK(client.request().context[1].text == "noon");
  client.answer(2, "It is noon.", 400);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
}

TEST_CASE("R10: a failure of the engine fails the response and the session stays usable", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  client.text(1, "Well");
  client.on(engine::Event(
      engine::TurnDone{1, engine::TurnStatus::failed, "engine_overloaded", "All slots are taken.", {}}));
  const Json response = client.latest("response.done")["response"];
  CHECK(response["status"] == "failed");
  CHECK(response["status_details"]["error"] ==
        Json{{"type", "server_error"}, {"code", "engine_overloaded"}, {"message", "All slots are taken."}});
  CHECK(response["output"][0]["status"] == "incomplete");
  client.say(create_response);
  client.answer(2, "Better now.", 100);
  CHECK(client.latest("response.done")["response"]["status"] == "completed");
}

TEST_CASE("R11: of two quick creates one gives a response and the other an error", "[conformance]") {
  WireFixture client;
  client.say(R"({"type":"response.create","event_id":"first"})");
  client.say(R"({"type":"response.create","event_id":"second"})");
  CHECK(client.dialogue(1) == Types{"response.created", "rate_limits.updated", "error"});
  CHECK(client.latest("error")["error"]["event_id"] == "second");
}

TEST_CASE("R12: the deltas of any answer add up to what its done events say", "[conformance]") {
  WireFixture client;
  client.say(create_response);
  const std::string said = "Caf\xC3\xA9 \"noir\"\n\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80, done.";
  for (std::size_t i = 0; i < said.size();) {
    std::size_t end = i + 1;
    while (end < said.size() && (static_cast<unsigned char>(said[end]) & 0xC0U) == 0x80U) ++end;
    client.text(1, said.substr(i, end - i));
    client.audio(1, 73);
    i = end;
  }
  const auto mark = client.received();
  client.done(1);
  const Json done = client.latest("response.done")["response"];
  const auto id = done["output"][0]["id"].get<std::string>();
  CHECK(client.delta_text(id) == said);
  CHECK(client.latest("response.output_audio_transcript.done")["transcript"] == said);
  CHECK(client.latest("response.content_part.done")["part"]["transcript"] == said);
  CHECK(done["output"][0]["content"][0]["transcript"] == said);
  const auto characters = count_code_points(said);
  CHECK(client.delta_audio(id).size() == characters * 73 * 48);
  CHECK(of_response(client, done["id"]).front() == "response.created");
  CHECK(client.dialogue(mark).back() == "response.done");
  CHECK(done["usage"] == Json::parse(R"({"total_tokens":127,"input_tokens":120,"output_tokens":7,
    "input_token_details":{"text_tokens":20,"audio_tokens":100,"image_tokens":0,"cached_tokens":64,
      "cached_tokens_details":{"text_tokens":10,"audio_tokens":54,"image_tokens":0}},
    "output_token_details":{"text_tokens":3,"audio_tokens":4}})"));
}

}  // namespace
}  // namespace parley::conversation
