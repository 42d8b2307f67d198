// Any text as a message of a client: it is refused with an error that can be told, or everything that came
// out of it can be told back in the events of the server. What is told has the shape that clients rely on
// (wire_rules.hpp).
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "protocol/realtime/codec.hpp"
#include "protocol/realtime/session_update.hpp"
#include "test/fuzz/require.hpp"
#include "test/support/wire_rules.hpp"

namespace {

using namespace parley;
using namespace parley::protocol;
using fuzz::require;

// Encodes the event as the server does, and reads it as a client does.
void tell(ServerEventBody body) {
  const std::string text = encode(ServerEvent{"event_1", std::move(body)});
  const auto event = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (event.is_discarded()) require(false, "what is sent is JSON: " + text);
  for (const auto& violation : test::wire_violations(event)) require(false, violation + ": " + text);
}

void check_error(const Error& error) {
  require(!error.message.empty(), "an error says what is wrong");
  tell(ErrorEvent{error});
  const auto body = nlohmann::json::parse(encode_http_body(error), nullptr, /*allow_exceptions=*/false);
  require(body.is_object() && body.contains("error"), "an error can be the body of a refused request");
}

// An update leads to a session that can be told, and doing it twice is doing it once.
void apply(const SessionChanges& changes, bool native, const SessionState& state) {
  Session session;
  session.id = "sess_1";
  session.model = "starter";
  if (native) session.native.emplace();
  const auto next = updated(session, changes, state);
  if (!next) return check_error(next.error());
  tell(SessionUpdated{*next});
  const auto again = updated(*next, changes, state);
  require(again.has_value() && *again == *next,
          "an update that was taken changes nothing when it comes again");
}

void tell_item(Item item) {
  if (item.id.empty()) item.id = "item_1";
  if (auto* call = std::get_if<FunctionCall>(&item.body); call != nullptr && call->call_id.empty())
    call->call_id = "call_1";
  tell(ConversationItemAdded{item, "item_0"});
  tell(ConversationItemRetrieved{item});
}

struct Answer {
  void operator()(const SessionUpdate& event) const {
    for (const bool native : {false, true}) apply(event.session, native, {});
    apply(event.session, true,
          {.response_active = true, .assistant_has_spoken = true, .input_buffer_empty = false});
  }
  void operator()(const InputAudioBufferAppend& event) const {
    tell(ResponseOutputAudioDelta{{"resp_1", "item_1", 0, 0}, event.audio});
  }
  void operator()(const ConversationItemCreate& event) const { tell_item(event.item); }
  void operator()(const ConversationItemTruncate& event) const {
    require(event.audio_end_ms >= 0, "a position is not negative");
    tell(ConversationItemTruncated{event.item_id, event.content_index, event.audio_end_ms});
  }
  void operator()(const ResponseCreate& event) const {
    const ResponseParameters& asked = event.response;
    Response response;
    response.id = "resp_1";
    if (!asked.out_of_band) response.conversation_id = "conv_1";
    response.output_modality = asked.output_modality.value_or(Modality::audio);
    response.max_output_tokens = asked.max_output_tokens.value_or(TokenLimit{});
    response.output_format = asked.output_format.value_or(AudioFormat{});
    response.voice = asked.voice.value_or("default");
    response.metadata = asked.metadata;
    tell(ResponseCreated{std::move(response)});
    for (const InputItem& item : asked.input.value_or(std::vector<InputItem>{}))
      if (const auto* given = std::get_if<Item>(&item)) tell_item(*given);
  }
  void operator()(const NativePing& event) const { tell(NativePong{event.t, 1}); }
  void operator()(const auto&) const {}  // nothing of these is told back
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto event = decode(text);
  if (event) {
    require(!type_of(event->body).empty(), "an event has a type");
    std::visit(Answer{}, event->body);
  } else {
    check_error(event.error());
  }

  // Bounds that a small message can reach.
  const auto bounded = decode(text, {.depth = 4,
                                     .values = 24,
                                     .append_bytes = 8,
                                     .instructions_bytes = 16,
                                     .tools_bytes = 32,
                                     .tools = 2,
                                     .text_bytes = 16});
  if (!bounded) check_error(bounded.error());
  require(!bounded || event, "what fits narrow bounds fits wide ones");

  if (const auto changes = decode_session_changes(text)) apply(*changes, false, {});

  // Words of the model are any bytes.
  tell(ResponseOutputTextDelta{{"resp_1", "item_1", 0, 0}, text});
  return 0;
}
