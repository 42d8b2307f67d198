#include "test/support/wire_rules.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace parley::test {
namespace {

using Json = nlohmann::json;

// "name:kind" for each member there may be. A kind that ends in '?' allows null; a name that ends in '~' may
// be absent.
using Members = std::vector<std::string_view>;

const Members part_ref = {"response_id:id", "item_id:id", "output_index:index", "content_index:index"};

Members with(const Members& more) {
  Members all = part_ref;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const std::map<std::string, Members, std::less<>>& events() {
  static const std::map<std::string, Members, std::less<>> table = {
      {"session.created", {"session:session"}},
      {"session.updated", {"session:session"}},
      {"conversation.item.added", {"item:item", "previous_item_id:id?"}},
      {"conversation.item.done", {"item:item", "previous_item_id:id?"}},
      {"conversation.item.retrieved", {"item:item"}},
      {"conversation.item.deleted", {"item_id:id"}},
      {"conversation.item.truncated", {"item_id:id", "content_index:index", "audio_end_ms:index"}},
      {"conversation.item.input_audio_transcription.completed",
       {"item_id:id", "content_index:index", "transcript:text", "usage:duration"}},
      {"conversation.item.input_audio_transcription.failed",
       {"item_id:id", "content_index:index", "error:failure"}},
      {"input_audio_buffer.speech_started", {"item_id:id", "audio_start_ms:index"}},
      {"input_audio_buffer.speech_stopped", {"item_id:id", "audio_end_ms:index"}},
      {"input_audio_buffer.committed", {"item_id:id", "previous_item_id:id?"}},
      {"input_audio_buffer.cleared", {}},
      {"input_audio_buffer.timeout_triggered", {"item_id:id", "audio_start_ms:index", "audio_end_ms:index"}},
      {"response.created", {"response:response"}},
      {"response.done", {"response:response"}},
      {"response.output_item.added", {"response_id:id", "output_index:index", "item:item"}},
      {"response.output_item.done", {"response_id:id", "output_index:index", "item:item"}},
      {"response.content_part.added", with({"part:part"})},
      {"response.content_part.done", with({"part:part"})},
      {"response.output_audio.delta", with({"delta:base64"})},
      {"response.output_audio.done", with({})},
      {"response.output_audio_transcript.delta", with({"delta:text"})},
      {"response.output_audio_transcript.done", with({"transcript:text"})},
      {"response.output_text.delta", with({"delta:text"})},
      {"response.output_text.done", with({"text:text"})},
      {"response.function_call_arguments.delta",
       {"response_id:id", "item_id:id", "output_index:index", "call_id:id", "delta:text"}},
      {"response.function_call_arguments.done",
       {"response_id:id", "item_id:id", "output_index:index", "call_id:id", "name:id", "arguments:text"}},
      {"rate_limits.updated", {"rate_limits:limits"}},
      {"error", {"error:error"}},
      {"native.output_stream.started",
       with({"stream:index", "codec:id", "rate:index", "channels:index", "frame_ms:index", "preskip:index"})},
      {"native.output_stream.done", {"stream:index", "frames:index", "duration_ms:index", "reason:id"}},
      {"native.output_stream.flush", {"stream:index", "reason:id"}},
      {"native.pong", {"t:number", "server_ms:index"}},
      {"native.input.stats",
       {"packets:index", "lost:index", "late:index", "decode_errors:index", "buffered_ms:index"}},
  };
  return table;
}

class Rules {
 public:
  std::vector<std::string> take() { return std::move(violations_); }

  void event(const Json& event) {
    if (!event.is_object() || !event.contains("type") || !event["type"].is_string())
      return fail("an event", "is an object with a string 'type'");
    const auto type = event["type"].get<std::string>();
    const auto found = events().find(type);
    if (found == events().end()) return fail(type, "is not an event that clients know");
    Members members = found->second;
    members.insert(members.end(), {"type:id", "event_id:id"});
    object(event, members, type);
    if (event.contains("event_id") && event["event_id"].is_string())
      require(event["event_id"].get<std::string>().starts_with("event_"), type, "has an id of ours");
  }

 private:
  void fail(const std::string& where, const std::string& rule) { violations_.push_back(where + " " + rule); }
  void require(bool holds, const std::string& where, const std::string& rule) {
    if (!holds) fail(where, rule);
  }
  void one_of(const Json& value, const std::set<std::string>& allowed, const std::string& where) {
    require(value.is_string() && allowed.count(value.get<std::string>()) > 0, where,
            "has no allowed value: " + value.dump().substr(0, 60));
  }

  void object(const Json& value, const Members& members, const std::string& where) {
    if (!value.is_object()) return fail(where, "is an object");
    std::set<std::string, std::less<>> known;
    for (std::string_view member : members) {
      const auto colon = member.find(':');
      std::string name(member.substr(0, colon));
      std::string kind(member.substr(colon + 1));
      const bool optional = name.back() == '~';
      if (optional) name.pop_back();
      known.insert(name);
      const std::string at = where + "." + name;
      if (!value.contains(name)) {
        require(optional, at, "is there");
        continue;
      }
      const bool nullable = kind.back() == '?';
      if (nullable) kind.pop_back();
      if (value[name].is_null()) {
        require(nullable, at, "is not null");
      } else {
        check(value[name], kind, at);
      }
    }
    for (const auto& [name, ignored] : value.items()) {
      require(known.count(name) > 0, where + "." + name, "is not a member that was agreed on");
    }
  }

  void check(const Json& value, const std::string& kind, const std::string& at) {
    if (kind == "id") return require(value.is_string() && !value.get<std::string>().empty(), at, "is an id");
    if (kind == "text") return require(value.is_string(), at, "is a string");
    if (kind == "index")
      return require(value.is_number_integer() && value.get<std::int64_t>() >= 0, at,
                     "is an integer of at least 0");
    if (kind == "number") return require(value.is_number(), at, "is a number");
    if (kind == "bool") return require(value.is_boolean(), at, "is a boolean");
    if (kind == "array") return require(value.is_array(), at, "is an array");
    if (kind == "base64")
      return require(
          value.is_string() && value.get<std::string>().size() % 4 == 0 && !value.get<std::string>().empty(),
          at, "is base64");
    if (kind == "item") return item(value, at);
    if (kind == "part") return part(value, at);
    if (kind == "response") return response(value, at);
    if (kind == "session") return session(value, at);
    if (kind == "duration") {
      object(value, {"type:id", "seconds:number"}, at);
      return one_of(value.value("type", Json()), {"duration"}, at + ".type");
    }
    // Nulls in here make clients drop the event.
    if (kind == "failure") return object(value, {"type:id", "code:id", "message:text", "param~:text"}, at);
    if (kind == "error")
      return object(value, {"type:id", "code:id?", "message:id", "param:text?", "event_id:text?"}, at);
    if (kind == "limits") return limits(value, at);
    if (kind == "any") return;
    fail(at, "has a kind that this checker does not know: " + kind);
  }

  void limits(const Json& value, const std::string& at) {
    require(value.is_array(), at, "is an array");
    for (const Json& limit : value) {
      object(limit, {"name:id", "limit:index", "remaining:index", "reset_seconds:number"}, at);
      one_of(limit.value("name", Json()), {"requests", "tokens"}, at + ".name");
    }
  }

  void item(const Json& value, const std::string& at) {
    if (!value.is_object()) return fail(at, "is an object");
    Members members = {"id:id", "object:id", "type:id", "status:id"};
    const std::string type = value.value("type", "");
    if (type == "message") members.insert(members.end(), {"role:id", "content:array"});
    if (type == "function_call") members.insert(members.end(), {"name:id", "call_id:id", "arguments:text"});
    if (type == "function_call_output") members.insert(members.end(), {"call_id:id", "output:text"});
    object(value, members, at);
    one_of(value.value("type", Json()), {"message", "function_call", "function_call_output"}, at + ".type");
    one_of(value.value("status", Json()), {"in_progress", "completed", "incomplete"}, at + ".status");
    one_of(value.value("object", Json()), {"realtime.item"}, at + ".object");
    if (type != "message" || !value.contains("content") || !value["content"].is_array()) return;
    one_of(value.value("role", Json()), {"system", "user", "assistant"}, at + ".role");
    for (const Json& content : value["content"])
      content_part(content, value.value("role", ""), at + ".content");
  }

  // The one null that is allowed in an item: the transcript of a user's speech, and that must be there.
  void content_part(const Json& value, const std::string& role, const std::string& at) {
    const std::string type = value.is_object() ? value.value("type", "") : "";
    if (type == "input_audio") {
      object(value, {"type:id", "transcript:text?", "audio~:base64"}, at);
    } else if (type == "output_audio") {
      object(value, {"type:id", "transcript:text", "audio~:base64"}, at);
    } else {
      object(value, {"type:id", "text:text"}, at);
    }
    const std::map<std::string, std::set<std::string>> allowed = {
        {"system", {"input_text"}},
        {"user", {"input_text", "input_audio"}},
        {"assistant", {"output_text", "output_audio"}}};
    const auto found = allowed.find(role);
    if (found != allowed.end()) one_of(type, found->second, at + ".type");
  }

  // The parts of response.content_part.* have the short names.
  void part(const Json& value, const std::string& at) {
    const std::string type = value.is_object() ? value.value("type", "") : "";
    one_of(type, {"audio", "text"}, at + ".type");
    object(value, {"type:id", type == "audio" ? "transcript:text" : "text:text"}, at);
  }

  void response(const Json& value, const std::string& at) {
    object(value,
           {"id:id", "object:id", "status:id", "status_details:any?", "output:array", "conversation_id:id?",
            "output_modalities:array", "max_output_tokens:any", "audio:any", "usage:any?", "metadata:any?"},
           at);
    if (!value.is_object()) return;
    one_of(value.value("object", Json()), {"realtime.response"}, at + ".object");
    one_of(value.value("status", Json()), {"in_progress", "completed", "cancelled", "failed", "incomplete"},
           at + ".status");
    if (value.contains("output") && value["output"].is_array()) {
      for (const Json& made : value["output"]) item(made, at + ".output");
    }
    modalities(value, at);
    if (value.contains("audio")) {
      object(value["audio"], {"output:any"}, at + ".audio");
      const Json output = value["audio"].value("output", Json());
      object(output, {"format:any", "voice:id"}, at + ".audio.output");
      if (output.is_object()) format(output.value("format", Json()), at + ".audio.output.format");
    }
    if (value.contains("usage") && !value["usage"].is_null()) usage(value["usage"], at + ".usage");
    status_details(value, at);
    const Json metadata = value.value("metadata", Json());
    if (metadata.is_object()) {
      for (const auto& [name, text] : metadata.items())
        require(text.is_string(), at + ".metadata." + name, "is a string");
    }
  }

  void modalities(const Json& value, const std::string& at) {
    const Json list = value.value("output_modalities", Json());
    require(list == Json::array({"audio"}) || list == Json::array({"text"}), at,
            "has exactly one output modality");
  }

  void status_details(const Json& value, const std::string& at) {
    const std::string status = value.value("status", "");
    const Json details = value.value("status_details", Json());
    const std::string where = at + ".status_details";
    if (status == "in_progress" || status == "completed") return require(details.is_null(), where, "is null");
    if (!details.is_object()) return fail(where, "is an object");
    require(details.value("type", "") == status, where, "has the status as its type");
    if (status == "failed") {
      object(details, {"type:id", "error:any"}, where);
      object(details.value("error", Json()), {"type:id", "code:id", "message:id"}, where + ".error");
    } else {
      object(details, {"type:id", "reason:id"}, where);
      // Clients refuse any other reason.
      one_of(details.value("reason", Json()),
             status == "cancelled" ? std::set<std::string>{"turn_detected", "client_cancelled"}
                                   : std::set<std::string>{"max_output_tokens", "content_filter"},
             where + ".reason");
    }
  }

  void usage(const Json& value, const std::string& at) {
    object(value,
           {"total_tokens:index", "input_tokens:index", "output_tokens:index", "input_token_details:any",
            "output_token_details:any"},
           at);
    if (!value.is_object()) return;
    const Json input = value.value("input_token_details", Json());
    object(input,
           {"text_tokens:index", "audio_tokens:index", "image_tokens:index", "cached_tokens:index",
            "cached_tokens_details:any"},
           at + ".input_token_details");
    if (input.is_object())
      object(input.value("cached_tokens_details", Json()),
             {"text_tokens:index", "audio_tokens:index", "image_tokens:index"},
             at + ".cached_tokens_details");
    object(value.value("output_token_details", Json()), {"text_tokens:index", "audio_tokens:index"},
           at + ".output_token_details");
  }

  void format(const Json& value, const std::string& at) {
    const std::string type = value.is_object() ? value.value("type", "") : "";
    one_of(type, {"audio/pcm", "audio/pcmu", "audio/pcma"}, at + ".type");
    object(value, type == "audio/pcm" ? Members{"type:id", "rate:index"} : Members{"type:id"}, at);
  }

  void session(const Json& value, const std::string& at) {
    object(value,
           {"type:id", "object:id", "id:id", "model:id", "output_modalities:array", "instructions:text",
            "tools:array", "tool_choice:any", "max_output_tokens:any", "tracing:any?", "truncation:any",
            "prompt:any?", "include:array?", "expires_at:index", "audio:any", "native~:any"},
           at);
    if (!value.is_object() || !value.contains("audio")) return;
    one_of(value.value("type", Json()), {"realtime"}, at + ".type");
    one_of(value.value("object", Json()), {"realtime.session"}, at + ".object");
    modalities(value, at);
    const Json limit = value.value("max_output_tokens", Json());
    require(limit == "inf" || limit.is_number_integer(), at + ".max_output_tokens", "is a number or 'inf'");
    object(value["audio"], {"input:any", "output:any"}, at + ".audio");
    const Json input = value["audio"].value("input", Json());
    const Json output = value["audio"].value("output", Json());
    object(input, {"format:any", "transcription:any?", "noise_reduction:any?", "turn_detection:any?"},
           at + ".audio.input");
    object(output, {"format:any", "voice:id", "speed:number"}, at + ".audio.output");
    if (input.is_object()) {
      format(input.value("format", Json()), at + ".audio.input.format");
      turn_detection(input.value("turn_detection", Json()), at + ".audio.input.turn_detection");
    }
    if (output.is_object()) format(output.value("format", Json()), at + ".audio.output.format");
    if (value.contains("native")) {
      object(value["native"],
             {"version:index", "input:any", "output:any", "json_audio:bool", "lead_ms:index", "playback:id"},
             at + ".native");
    }
  }

  // Clients that do not find interrupt_response cancel responses by themselves.
  void turn_detection(const Json& value, const std::string& at) {
    if (value.is_null()) return;
    if (value.is_object() && value.value("type", "") == "semantic_vad") {
      object(value, {"type:id", "eagerness:id", "create_response:bool", "interrupt_response:bool"}, at);
    } else {
      object(value,
             {"type:id", "threshold:number", "prefix_padding_ms:index", "silence_duration_ms:index",
              "idle_timeout_ms:index?", "create_response:bool", "interrupt_response:bool"},
             at);
      if (value.is_object()) one_of(value.value("type", Json()), {"server_vad"}, at + ".type");
    }
  }

  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> wire_violations(const Json& event) {
  Rules rules;
  rules.event(event);
  return rules.take();
}

}  // namespace parley::test
