// The rules that all messages to a client are held against must themselves notice what clients choke on.
#include "test/support/wire_rules.hpp"

#include "test/support/catch.hpp"

namespace parley::test {
namespace {

using Json = nlohmann::json;

const auto item_added = Json::parse(R"({"type":"conversation.item.added","event_id":"event_1",
  "previous_item_id":null,"item":{"id":"item_1","object":"realtime.item","type":"message",
  "status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}})");

std::string rule_broken_by(const std::string& pointer, const Json& value) {
  Json event = item_added;
  event[Json::json_pointer(pointer)] = value;
  const auto violations = wire_violations(event);
  return violations.empty() ? "none" : violations.front();
}

TEST_CASE("a proper event breaks no rule", "[support]") { CHECK(wire_violations(item_added).empty()); }

TEST_CASE("what SDKs were seen to drop or refuse breaks a rule", "[support]") {
  CHECK(rule_broken_by("/item/status", nullptr) == "conversation.item.added.item.status is not null");
  CHECK(rule_broken_by("/item/status", "cancelled") != "none");
  CHECK(rule_broken_by("/item/role", "assistant") != "none");  // with a part of the user's
  CHECK(rule_broken_by("/item/content/0", Json{{"type", "input_audio"}}) != "none");  // without `transcript`
  CHECK(rule_broken_by("/item/content/0", Json{{"type", "input_text"}, {"text", nullptr}}) != "none");
  CHECK(rule_broken_by("/event_id", nullptr) != "none");
  CHECK(rule_broken_by("/type", "conversation.item.created") != "none");  // of the beta
  CHECK(rule_broken_by("/extra", 1) == "conversation.item.added.extra is not a member that was agreed on");
}

TEST_CASE("numbers that must be whole are", "[support]") {
  auto event = Json::parse(
      R"({"type":"input_audio_buffer.speech_stopped","event_id":"event_1","item_id":"i","audio_end_ms":10})");
  CHECK(wire_violations(event).empty());
  event["audio_end_ms"] = 10.5;
  CHECK_FALSE(wire_violations(event).empty());
  event.erase("audio_end_ms");
  CHECK_FALSE(wire_violations(event).empty());
}

}  // namespace
}  // namespace parley::test
