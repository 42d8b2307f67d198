// Cases I of protocol.md 14, on the wire.
#include "test/server/conversation/wire_fixture.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;
using Types = std::vector<std::string>;

Json create(const Json& item, const Json& previous = {}) {
  Json event{{"type", "conversation.item.create"}, {"item", item}};
  if (!previous.is_null()) event["previous_item_id"] = previous;
  return event;
}

Json message(const std::string& text, const std::string& id = {}, const std::string& role = "user") {
  Json item{{"type", "message"},
            {"role", role},
            {"content", {{{"type", role == "assistant" ? "output_text" : "input_text"}, {"text", text}}}}};
  if (!id.empty()) item["id"] = id;
  return item;
}

Json about(const std::string& what, const std::string& id) {
  return {{"type", "conversation.item." + what}, {"item_id", id}};
}

Json truncate(const std::string& id, int ms) {
  Json event = about("truncate", id);
  event["content_index"] = 0;
  event["audio_end_ms"] = ms;
  return event;
}

// An answer of 2000 ms, sent completely; its item's id.
std::string spoken_item(WireFixture& client) {
  client.say(R"({"type":"response.create"})");
  client.answer(client.last_turn, "one two three four five", 2000);
  return client.latest("response.output_item.done")["item"]["id"];
}

TEST_CASE("I1: the first item is added after null and done at once, completed", "[conformance]") {
  WireFixture client;
  client.say(create(message("hi")));
  REQUIRE(client.dialogue(1) == Types{"conversation.item.added", "conversation.item.done"});
  for (std::size_t i : {1U, 2U}) {
    const Json& event = client.messages()[i].json;
    CHECK(event["previous_item_id"].is_null());
    CHECK(event["item"]["status"] == "completed");
    CHECK(event["item"]["object"] == "realtime.item");
    CHECK(event["item"]["content"] == Json::parse(R"([{"type":"input_text","text":"hi"}])"));
    CHECK(event["item"]["id"].get<std::string>().starts_with("item_"));
  }
}

TEST_CASE("I2: an item after root comes first, one after an id right behind it, any other last",
          "[conformance]") {
  WireFixture client;
  client.say(create(message("a", "a")));
  client.say(create(message("b", "b"), ""));
  client.say(create(message("c", "c"), "root"));
  CHECK(client.latest("conversation.item.added")["previous_item_id"].is_null());
  client.say(create(message("d", "d"), "a"));
  CHECK(client.latest("conversation.item.added")["previous_item_id"] == "a");
  client.say(create(message("e", "e")));
  CHECK(client.latest("conversation.item.done")["previous_item_id"] == "b");
  client.say(R"({"type":"response.create"})");
  Types order;
  for (const auto& item : client.request().context) order.push_back(item.id);
  CHECK(order == Types{"c", "a", "d", "b", "e"});
}

TEST_CASE("I3: an item after one that does not exist is refused and not added", "[conformance]") {
  WireFixture client;
  client.say(create(message("a", "a"), "nope"));
  CHECK(client.refusals().at(0).starts_with("item_create_invalid_previous_item_id "));
  CHECK(client.latest("error")["error"]["message"] ==
        "Error adding item: the previous item with id 'nope' does not exist.");
  CHECK(client.dialogue() == Types{"session.created", "error"});
  client.say(about("retrieve", "a"));
  CHECK(client.refusals().size() == 2);
}

TEST_CASE("I4: an id that is taken is refused and the first item stays", "[conformance]") {
  WireFixture client;
  client.say(create(message("first", "a")));
  client.say(create(message("second", "a")));
  CHECK(client.refusals().at(0).starts_with("item_create_duplicate_item_id "));
  client.say(about("retrieve", "a"));
  CHECK(client.latest("conversation.item.retrieved")["item"]["content"][0]["text"] == "first");
}

TEST_CASE("I5: retrieving, deleting and truncating an unknown item each have their own code",
          "[conformance]") {
  WireFixture client;
  client.say(about("retrieve", "x"));
  client.say(about("delete", "x"));
  client.say(truncate("x", 100));
  const auto refusals = client.refusals();
  REQUIRE(refusals.size() == 3);
  CHECK(refusals[0].starts_with("item_retrieve_invalid_item_id "));
  CHECK(refusals[1].starts_with("item_delete_invalid_item_id "));
  CHECK(refusals[2].starts_with("item_truncate_invalid_item_id "));
  CHECK(client.latest("error")["error"]["message"] ==
        "Error truncating item: the item with id 'x' does not exist.");
}

TEST_CASE("I6: an item is deleted once", "[conformance]") {
  WireFixture client;
  client.say(create(message("a", "a")));
  client.say(about("delete", "a"));
  client.say(about("delete", "a"));
  CHECK(client.dialogue(3) == Types{"conversation.item.deleted", "error"});
  CHECK(client.refusals().at(0).starts_with("item_delete_invalid_item_id "));
}

TEST_CASE("I7: the assistant's speech cannot be made up by a client", "[conformance]") {
  WireFixture client;
  Json item = message("", "", "assistant");
  item["content"] = Json::parse(R"([{"type":"output_audio","transcript":"I said so"}])");
  client.say(create(item));
  CHECK(client.refusals() == Types{"missing_required_parameter item.content[0].text"});
}

TEST_CASE("I8: a user's item and the assistant's text cannot be truncated", "[conformance]") {
  WireFixture client;
  client.say(create(message("a", "a")));
  client.say(create(message("b", "b", "assistant")));
  for (const char* id : {"a", "b"}) {
    client.say(truncate(id, 100));
    CHECK(client.refusals().back() == "unsupported_content_type -");
    CHECK(client.latest("error")["error"]["message"] == "Only model output audio messages can be truncated");
  }
}

TEST_CASE("I9: truncating beyond what was sent is refused with both lengths", "[conformance]") {
  WireFixture client;
  const auto id = spoken_item(client);
  client.say(truncate(id, 5000));
  CHECK(client.refusals() == Types{"invalid_value audio_end_ms"});
  CHECK(client.latest("error")["error"]["message"] ==
        "Audio content of 2000ms is already shorter than 5000ms");
  client.say(truncate(id, 2080));  // clients round
  CHECK(client.latest("conversation.item.truncated")["audio_end_ms"] == 2000);
}

TEST_CASE("I10: after truncating neither a retrieve nor the next response knows the tail", "[conformance]") {
  WireFixture client;
  const auto id = spoken_item(client);
  client.say(truncate(id, 800));
  const Json truncated = client.latest("conversation.item.truncated");
  CHECK(truncated["item_id"] == id);
  CHECK(truncated["content_index"] == 0);
  CHECK(truncated["audio_end_ms"] == 800);
  client.say(about("retrieve", id));
  CHECK(client.latest("conversation.item.retrieved")["item"]["content"] ==
        Json::parse(R"([{"type":"output_audio","transcript":"one two"}])"));
  client.say(R"({"type":"response.create"})");
  REQUIRE(client.request().context.size() == 1);
  CHECK(client.request().context[0].text == "one two");
  CHECK(client.request().context[0].heard_ms == 800);
}

TEST_CASE("every kind of item comes back as it was given", "[conformance]") {
  WireFixture client;
  const auto items = Json::parse(R"([
    {"id":"s","type":"message","role":"system","content":[{"type":"input_text","text":"Be \"kind\".\n"}]},
    {"id":"u","type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"\u00e9\ud83d\ude00"}]},
    {"id":"t","type":"message","role":"user","content":[{"type":"input_audio","transcript":"spoken"}]},
    {"id":"a","type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
    {"id":"e","type":"message","role":"assistant","content":[]},
    {"id":"c","type":"function_call","name":"f","call_id":"call_1","arguments":"{\"x\":1}"},
    {"id":"o","type":"function_call_output","call_id":"call_1","output":"42"}])");
  for (Json item : items) {
    client.say(create(item));
    client.say(about("retrieve", item["id"].get<std::string>()));
    item["object"] = "realtime.item";
    item["status"] = "completed";
    CHECK(client.latest("conversation.item.added")["item"] == item);
    CHECK(client.latest("conversation.item.done")["item"] == item);
    CHECK(client.latest("conversation.item.retrieved")["item"] == item);
  }
  CHECK(client.refusals().empty());
}

}  // namespace
}  // namespace parley::conversation
