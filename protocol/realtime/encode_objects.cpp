// What is null and what is left out decides whether clients accept an event (protocol.md 2 and 8): sessions
// and responses say null, items and parts leave members out, but for `transcript` of input audio.

#include "protocol/realtime/encode_objects.hpp"

#include "protocol/realtime/names.hpp"

namespace parley::protocol {
namespace {

void write_part(JsonWriter& json, const InputText& part, WithAudio) {
  json.member("type", "input_text").member("text", part.text);
}

void write_audio(JsonWriter& json, const Bytes& audio, WithAudio with_audio) {
  if (with_audio == WithAudio::yes && !audio.empty()) json.key("audio").base64(audio);
}

void write_part(JsonWriter& json, const InputAudio& part, WithAudio with_audio) {
  json.member("type", "input_audio");
  write_audio(json, part.audio, with_audio);
  json.member("transcript", part.transcript);
}

void write_part(JsonWriter& json, const OutputText& part, WithAudio) {
  json.member("type", "output_text").member("text", part.text);
}

void write_part(JsonWriter& json, const OutputAudio& part, WithAudio with_audio) {
  json.member("type", "output_audio").member("transcript", part.transcript);
  write_audio(json, part.audio, with_audio);
}

void write_body(JsonWriter& json, const Message& message, WithAudio with_audio) {
  json.member("role", name_of(message.role)).key("content").begin_array();
  for (const ContentPart& part : message.content) {
    json.begin_object();
    std::visit([&](const auto& kind) { write_part(json, kind, with_audio); }, part);
    json.end_object();
  }
  json.end_array();
}

void write_body(JsonWriter& json, const FunctionCall& call, WithAudio) {
  json.member("name", call.name).member("call_id", call.call_id).member("arguments", call.arguments);
}

void write_body(JsonWriter& json, const FunctionCallOutput& output, WithAudio) {
  json.member("call_id", output.call_id).member("output", output.output);
}

std::string_view type_name(const ItemBody& body) {
  if (std::holds_alternative<Message>(body)) return "message";
  return std::holds_alternative<FunctionCall>(body) ? "function_call" : "function_call_output";
}

void write_tools(JsonWriter& json, const std::vector<Tool>& tools) {
  json.begin_array();
  for (const Tool& tool : tools) {
    json.begin_object().member("type", "function").member("name", tool.name);
    json.member_if("description", tool.description);
    if (tool.parameters) json.key("parameters").raw(tool.parameters->text);
    json.end_object();
  }
  json.end_array();
}

void write_tool_choice(JsonWriter& json, const ToolChoice& choice) {
  if (choice.mode == ToolChoice::Mode::function) {
    json.begin_object().member("type", "function").member("name", choice.name).end_object();
  } else {
    json.value(name_of(choice.mode));
  }
}

void write_truncation(JsonWriter& json, const Truncation& truncation) {
  if (truncation.strategy != Truncation::Strategy::retention_ratio) {
    json.value(name_of(truncation.strategy));
    return;
  }
  json.begin_object().member("type", "retention_ratio").member("retention_ratio", truncation.retention_ratio);
  if (const auto tokens = truncation.post_instructions_tokens)
    json.key("token_limits").begin_object().member("post_instructions", *tokens).end_object();
  json.end_object();
}

void write_transcription(JsonWriter& json, const Transcription& transcription) {
  json.begin_object();
  json.member_if("model", transcription.model).member_if("language", transcription.language);
  json.member_if("prompt", transcription.prompt).member_if("delay", transcription.delay);
  json.member_if("keywords", transcription.keywords).member_if("languages", transcription.languages);
  json.end_object();
}

void write_noise_reduction(JsonWriter& json, const NoiseReduction& reduction) {
  json.begin_object().member("type", name_of(reduction.type)).member_if("strength", reduction.strength);
  json.end_object();
}

void write_vad(JsonWriter& json, const ServerVad& vad) {
  json.member("type", "server_vad").member("threshold", vad.threshold);
  json.member("prefix_padding_ms", vad.prefix_padding_ms);
  json.member("silence_duration_ms", vad.silence_duration_ms);
  json.member("idle_timeout_ms", vad.idle_timeout_ms);
}

void write_vad(JsonWriter& json, const SemanticVad& vad) {
  json.member("type", "semantic_vad").member("eagerness", name_of(vad.eagerness));
}

void write_turn_detection(JsonWriter& json, const TurnDetection& detection) {
  json.begin_object();
  std::visit(
      [&json](const auto& vad) {
        write_vad(json, vad);
        json.member("create_response", vad.create_response)
            .member("interrupt_response", vad.interrupt_response);
      },
      detection);
  json.end_object();
}

template <typename T, typename Write>
void write_or_null(JsonWriter& json, const std::optional<T>& value, Write write_value) {
  if (value) {
    write_value(json, *value);
  } else {
    json.null();
  }
}

void write_audio_input(JsonWriter& json, const Session& session) {
  json.begin_object();
  write(json.key("format"), session.input_format);
  write_or_null(json.key("transcription"), session.transcription, write_transcription);
  write_or_null(json.key("noise_reduction"), session.noise_reduction, write_noise_reduction);
  write_or_null(json.key("turn_detection"), session.turn_detection, write_turn_detection);
  json.end_object();
}

void write_native(JsonWriter& json, const native::Parameters& parameters) {
  const auto& [input, output, json_audio, lead_ms, playback] = parameters;
  json.begin_object().member("version", 1);
  json.key("input").begin_object().member("codec", name_of(input.codec)).member("rate", input.rate);
  json.member("channels", input.channels).member("frame_ms", input.frame_ms).member("header", input.header);
  json.end_object();
  json.key("output").begin_object().member("codec", name_of(output.codec)).member("rate", output.rate);
  json.member("frame_ms", output.frame_ms).member("header", output.header).member("bitrate", output.bitrate);
  json.end_object();
  json.member("json_audio", json_audio).member("lead_ms", lead_ms).member("playback", name_of(playback));
  json.end_object();
}

void write_status_details(JsonWriter& json, const StatusDetails& details) {
  if (details.cancelled) {
    json.begin_object()
        .member("type", "cancelled")
        .member("reason", name_of(*details.cancelled))
        .end_object();
  } else if (details.incomplete) {
    json.begin_object()
        .member("type", "incomplete")
        .member("reason", name_of(*details.incomplete))
        .end_object();
  } else if (details.failed) {
    json.begin_object().member("type", "failed").key("error").begin_object();
    json.member("type", to_string(details.failed->type())).member("code", to_string(details.failed->code));
    json.member("message", details.failed->message).end_object().end_object();
  } else {
    json.null();
  }
}

void write_usage(JsonWriter& json, const Usage& usage) {
  const int input = usage.input_text_tokens + usage.input_audio_tokens;
  const int output = usage.output_text_tokens + usage.output_audio_tokens;
  const int cached = usage.cached_text_tokens + usage.cached_audio_tokens;
  json.begin_object().member("total_tokens", input + output);
  json.member("input_tokens", input).member("output_tokens", output);
  json.key("input_token_details").begin_object();
  json.member("text_tokens", usage.input_text_tokens).member("audio_tokens", usage.input_audio_tokens);
  json.member("image_tokens", 0).member("cached_tokens", cached);
  json.key("cached_tokens_details").begin_object();
  json.member("text_tokens", usage.cached_text_tokens).member("audio_tokens", usage.cached_audio_tokens);
  json.member("image_tokens", 0).end_object().end_object();
  json.key("output_token_details").begin_object();
  json.member("text_tokens", usage.output_text_tokens).member("audio_tokens", usage.output_audio_tokens);
  json.end_object().end_object();
}

void write_metadata(JsonWriter& json, const Metadata& metadata) {
  json.begin_object();
  for (const auto& [name, value] : metadata) json.open_key(name).value(std::string_view(value));
  json.end_object();
}

}  // namespace

void write(JsonWriter& json, const Item& item, WithAudio with_audio) {
  json.begin_object().member("id", item.id).member("object", "realtime.item");
  json.member("type", type_name(item.body)).member("status", name_of(item.status));
  std::visit([&](const auto& body) { write_body(json, body, with_audio); }, item.body);
  json.end_object();
}

void write(JsonWriter& json, const AudioFormat& format) {
  json.begin_object().member("type", name_of(format.encoding));
  if (format.encoding == AudioFormat::Encoding::pcm) json.member("rate", format.rate);
  json.end_object();
}

void write(JsonWriter& json, const TokenLimit& limit) {
  if (limit.tokens) {
    json.value(*limit.tokens);
  } else {
    json.value("inf");
  }
}

void write(JsonWriter& json, const Session& session) {
  json.begin_object().member("type", name_of(session.type));
  if (session.type == SessionType::transcription) {
    json.member("object", "realtime.transcription_session").member("id", session.id);
    json.member("include", session.include).member("expires_at", session.expires_at);
    write_audio_input(json.key("audio").begin_object().key("input"), session);
    json.end_object().end_object();
    return;
  }
  json.member("object", "realtime.session").member("id", session.id).member("model", session.model);
  json.key("output_modalities").begin_array().value(name_of(session.output_modality)).end_array();
  json.member("instructions", session.instructions);
  write_tools(json.key("tools"), session.tools);
  write_tool_choice(json.key("tool_choice"), session.tool_choice);
  write(json.key("max_output_tokens"), session.max_output_tokens);
  json.key("tracing").raw(session.tracing.text);
  write_truncation(json.key("truncation"), session.truncation);
  json.key("prompt").null().member("include", session.include).member("expires_at", session.expires_at);
  write_audio_input(json.key("audio").begin_object().key("input"), session);
  write(json.key("output").begin_object().key("format"), session.output_format);
  json.member("voice", session.voice).member("speed", session.speed).end_object().end_object();
  if (session.native) write_native(json.key("native"), *session.native);
  json.end_object();
}

void write(JsonWriter& json, const Response& response) {
  json.begin_object().member("id", response.id).member("object", "realtime.response");
  json.member("status", name_of(response.status));
  write_status_details(json.key("status_details"), response.status_details);
  json.key("output").begin_array();
  for (const Item& item : response.output) write(json, item, WithAudio::no);
  json.end_array().member("conversation_id", response.conversation_id);
  json.key("output_modalities").begin_array().value(name_of(response.output_modality)).end_array();
  write(json.key("max_output_tokens"), response.max_output_tokens);
  write(json.key("audio").begin_object().key("output").begin_object().key("format"), response.output_format);
  json.member("voice", response.voice).end_object().end_object();
  write_or_null(json.key("usage"), response.usage, write_usage);
  write_or_null(json.key("metadata"), response.metadata, write_metadata);
  json.end_object();
}

}  // namespace parley::protocol
