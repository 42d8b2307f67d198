#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {
namespace {

using Code = protocol::ErrorCode;
using namespace std::chrono_literals;

protocol::Item assistant_text(std::string text, std::string id) {
  return {std::move(id), protocol::ItemStatus::completed,
          protocol::Message{protocol::Role::assistant, {protocol::OutputText{std::move(text)}}}};
}

// An answer of 2000 ms, sent completely; its item's id.
std::string spoken_item(Fixture& fixture) {
  fixture.client(protocol::ResponseCreate{});
  fixture.answer(fixture.last_turn, "one two three four five", 2000);
  return fixture.last<protocol::ResponseOutputItemDone>().item.id;
}

std::string transcript_of(Fixture& fixture, const std::string& id) {
  fixture.client(protocol::ConversationItemRetrieve{id});
  const auto& message =
      std::get<protocol::Message>(fixture.last<protocol::ConversationItemRetrieved>().item.body);
  return std::get<protocol::OutputAudio>(message.content.at(0)).transcript;
}

TEST_CASE("I1: the first item is added after nothing and done at once", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("hi"), {}});
  REQUIRE(fixture.types(1) == std::vector<std::string>{"conversation.item.added", "conversation.item.done"});
  const auto& done = fixture.last<protocol::ConversationItemDone>();
  CHECK_FALSE(done.previous_item_id);
  CHECK(done.item.status == protocol::ItemStatus::completed);
  CHECK(done.item.id.starts_with("item_"));
}

TEST_CASE("I2: root puts an item first", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("a", "a"), {}});
  fixture.client(protocol::ConversationItemCreate{user_text("b", "b"), {}});
  fixture.client(protocol::ConversationItemCreate{user_text("c", "c"), "root"});
  CHECK_FALSE(fixture.last<protocol::ConversationItemDone>().previous_item_id);
  fixture.client(protocol::ConversationItemCreate{user_text("d", "d"), "a"});
  fixture.client(protocol::ConversationItemCreate{user_text("e", "e"), ""});
  CHECK(fixture.last<protocol::ConversationItemDone>().previous_item_id == "b");
  fixture.client(protocol::ResponseCreate{});
  std::vector<std::string> order;
  for (const auto& item : fixture.request().context) order.push_back(item.id);
  CHECK(order == std::vector<std::string>{"c", "a", "d", "b", "e"});
}

TEST_CASE("I3: an item after one that does not exist is refused and nothing is added",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("a", "a"), "nope"});
  CHECK(fixture.error().code == Code::item_create_invalid_previous_item_id);
  CHECK(fixture.count<protocol::ConversationItemAdded>() == 0);
}

TEST_CASE("I4: an id that is taken is refused", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("a", "a"), {}});
  fixture.client(protocol::ConversationItemCreate{user_text("b", "a"), {}});
  CHECK(fixture.error().code == Code::item_create_duplicate_item_id);
  CHECK(fixture.count<protocol::ConversationItemAdded>() == 1);
}

TEST_CASE("I5, I6: items that do not exist, or no longer, are refused by what was asked of them",
          "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemRetrieve{"x"});
  CHECK(fixture.error().code == Code::item_retrieve_invalid_item_id);
  fixture.client(protocol::ConversationItemDelete{"x"});
  CHECK(fixture.error().code == Code::item_delete_invalid_item_id);
  fixture.client(protocol::ConversationItemTruncate{"x", 0, 0});
  CHECK(fixture.error().code == Code::item_truncate_invalid_item_id);

  fixture.client(protocol::ConversationItemCreate{user_text("a", "a"), {}});
  fixture.client(protocol::ConversationItemDelete{"a"});
  CHECK(fixture.last<protocol::ConversationItemDeleted>().item_id == "a");
  const auto errors = fixture.count<protocol::ErrorEvent>();
  fixture.client(protocol::ConversationItemDelete{"a"});
  CHECK(fixture.count<protocol::ErrorEvent>() == errors + 1);
}

TEST_CASE("I8: only the assistant's speech can be truncated", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ConversationItemCreate{user_text("a", "a"), {}});
  fixture.client(protocol::ConversationItemCreate{assistant_text("b", "b"), {}});
  for (const char* id : {"a", "b"}) {
    fixture.client(protocol::ConversationItemTruncate{id, 0, 100});
    CHECK(fixture.error().code == Code::unsupported_content_type);
  }
}

TEST_CASE("I9: truncating beyond what was sent is refused with both lengths", "[server][conversation]") {
  Fixture fixture;
  const auto id = spoken_item(fixture);
  fixture.client(protocol::ConversationItemTruncate{id, 0, 5000});
  CHECK(fixture.error().code == Code::invalid_value);
  CHECK(fixture.error().message == "Audio content of 2000ms is already shorter than 5000ms");
  fixture.client(protocol::ConversationItemTruncate{id, 0, 2080});  // clients round
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 2000);
}

TEST_CASE("I10: after truncating, nobody knows the tail any more", "[server][conversation]") {
  Fixture fixture;
  const auto id = spoken_item(fixture);
  fixture.client(protocol::ConversationItemTruncate{id, 0, 800});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().item_id == id);
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 800);
  CHECK(transcript_of(fixture, id) == "one two");  // 23 code points in 2 s: 9 of them by 0.8 s
  fixture.client(protocol::ResponseCreate{});
  REQUIRE(fixture.request().context.size() == 1);
  CHECK(fixture.request().context[0].text == "one two");
  CHECK(fixture.request().context[0].heard_ms == 800);
}

TEST_CASE("truncating again may cut more and never less", "[server][conversation]") {
  Fixture fixture;
  const auto id = spoken_item(fixture);
  fixture.client(protocol::ConversationItemTruncate{id, 0, 1200});
  fixture.client(protocol::ConversationItemTruncate{id, 0, 1500});
  CHECK(fixture.error().code == Code::invalid_value);
  fixture.client(protocol::ConversationItemTruncate{id, 0, 400});
  CHECK(transcript_of(fixture, id) == "one");
  fixture.client(protocol::ConversationItemTruncate{id, 0, 0});
  CHECK(transcript_of(fixture, id).empty());
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().context.empty());  // an answer that nobody heard was not given
}

TEST_CASE("an item can be truncated and retrieved while it is being spoken", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "one two three ");
  fixture.audio(1, 1000, 14);
  const auto id = fixture.last<protocol::ResponseOutputItemAdded>().item.id;
  CHECK(transcript_of(fixture, id) == "one two three ");
  fixture.client(protocol::ConversationItemTruncate{id, 0, 500});
  CHECK(fixture.last<protocol::ConversationItemTruncated>().audio_end_ms == 500);
  fixture.text(1, "four");
  fixture.audio(1, 1000, 18);
  fixture.done(1);
  CHECK(fixture.last<protocol::ResponseDone>().response.status == protocol::ResponseStatus::completed);
  CHECK(transcript_of(fixture, id) == "one two");
}

TEST_CASE("deleting the item that is being spoken waits for its end", "[server][conversation]") {
  Fixture fixture;
  fixture.client(protocol::ResponseCreate{});
  fixture.text(1, "Hello");
  const auto id = fixture.last<protocol::ResponseOutputItemAdded>().item.id;
  fixture.client(protocol::ConversationItemDelete{id});
  CHECK(fixture.count<protocol::ConversationItemDeleted>() == 0);
  fixture.audio(1, 100, 5);
  fixture.done(1);
  CHECK(fixture.types().back() == "conversation.item.deleted");
}

TEST_CASE("audio inside an item is heard under the item's id", "[server][conversation]") {
  Fixture fixture;
  protocol::Item item = user_text("", "spoken");
  item.body = protocol::Message{protocol::Role::user, {protocol::InputAudio{protocol::Bytes(48000), {}}}};
  fixture.client(protocol::ConversationItemCreate{item, {}});
  REQUIRE(fixture.performed<HearRecording>().size() == 1);
  CHECK(fixture.performed<HearRecording>()[0].item_id == "spoken");
  CHECK(fixture.performed<HearRecording>()[0].audio.size() == 48000);
  const auto& shown = std::get<protocol::Message>(fixture.last<protocol::ConversationItemAdded>().item.body);
  CHECK(std::get<protocol::InputAudio>(shown.content[0]).audio.empty());
  fixture.client(protocol::ResponseCreate{});
  CHECK(fixture.request().context[0].speech);
  fixture.client(protocol::ResponseCancel{});
  fixture.client(protocol::ConversationItemDelete{"spoken"});
  CHECK(fixture.performed<Forget>()[0].item_id == "spoken");
}

TEST_CASE("a conversation keeps its newest items, and tells which it does not", "[server][conversation]") {
  ConversationSettings settings;
  settings.items = 3;
  Fixture fixture(default_session(), settings);
  for (int i = 0; i < 5; ++i) {
    fixture.client(protocol::ConversationItemCreate{user_text("x", "id" + std::to_string(i)), {}});
  }
  fixture.client(protocol::ResponseCreate{});
  REQUIRE(fixture.request().context.size() == 3);
  CHECK(fixture.request().context[0].id == "id2");
  CHECK(fixture.count<protocol::ConversationItemDeleted>() == 2);
  CHECK(fixture.last<protocol::ConversationItemDeleted>().item_id == "id1");
}

}  // namespace
}  // namespace parley::conversation
