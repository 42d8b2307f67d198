#include "protocol/realtime/codec.hpp"
#include "test/support/catch.hpp"

using namespace parley::protocol;

namespace {

// The error that `text` is answered with.
Error refusal(std::string_view text) {
  const Result<ClientEvent> event = decode(text);
  REQUIRE_FALSE(event.has_value());
  return event.error();
}

template <typename Event>
Event decoded(std::string_view text) {
  const Result<ClientEvent> event = decode(text);
  INFO(text);
  if (!event) FAIL(event.error().message);
  REQUIRE(std::holds_alternative<Event>(event->body));
  return std::get<Event>(event->body);
}

}  // namespace

TEST_CASE("S12: text that is not JSON is refused, and the next event decodes", "[protocol][realtime]") {
  const std::string_view text =
      GENERATE("{bad", "", "{\"type\":", "{} {}", "nul", "{\"type\":\"\xFF\"}", "{'a':1}", "[1,]", "1e999");
  CAPTURE(text);
  CHECK(refusal(text) == invalid_json());
  CHECK(decode(R"({"type":"input_audio_buffer.commit"})").has_value());
}

TEST_CASE("S13: JSON that is no event is an invalid event", "[protocol][realtime]") {
  const std::string_view text = GENERATE("[]", R"({"x":1})", "17", "null", R"("session.update")",
                                         R"({"type":5})", R"({"type":null})", "{}");
  CAPTURE(text);
  CHECK(refusal(text).code == ErrorCode::invalid_event);
}

TEST_CASE("S14: an unknown event type is refused with the list of those supported", "[protocol][realtime]") {
  const Error error = refusal(R"({"type":"foo.bar"})");
  CHECK(error.code == ErrorCode::invalid_value);
  CHECK(error.param == "type");
  CHECK(error.message ==
        "Invalid value: 'foo.bar'. Supported values are: 'session.update', 'input_audio_buffer.append', "
        "'input_audio_buffer.commit', 'input_audio_buffer.clear', 'conversation.item.create', "
        "'conversation.item.retrieve', 'conversation.item.delete', 'conversation.item.truncate', "
        "'response.create', and 'response.cancel'.");
}

TEST_CASE("S15: an error carries the event_id of the event that caused it, or null", "[protocol][realtime]") {
  CHECK(refusal(R"({"event_id":"abc","type":"foo.bar"})").event_id == "abc");
  CHECK(refusal(R"({"type":"response.cancel","foo":1,"event_id":"abc"})").event_id == "abc");
  CHECK(refusal(R"({"type":"foo.bar"})").event_id == std::nullopt);
  CHECK(refusal(R"({"type":"foo.bar","event_id":null})").event_id == std::nullopt);
  CHECK(decode(R"({"event_id":"abc","type":"response.cancel"})")->event_id == "abc");
}

TEST_CASE("the type of an event may come last", "[protocol][realtime]") {
  const auto event = decoded<ConversationItemTruncate>(
      R"({"audio_end_ms":800,"content_index":0,"item_id":"item_1","type":"conversation.item.truncate"})");
  CHECK(event.item_id == "item_1");
  CHECK(event.audio_end_ms == 800);
}
