#include "protocol/realtime/decode_objects.hpp"

namespace parley::protocol {
namespace {

constexpr std::string_view logprobs = "item.input_audio_transcription.logprobs";
constexpr Fields::Range silence_range{0, 60'000};          // ms
constexpr Fields::Range idle_timeout_range{100, 600'000};  // ms

// Calls `decode` for a value, remembers null, and leaves an absent member absent.
template <typename T, typename Decode>
Nullable<T> nullable(Fields& fields, std::string_view name, Decode decode) {
  const Json* value = fields.nullable(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_null()) return std::optional<T>{};
  return std::optional<T>(decode(fields.decoding(), *value, fields.path_of(name)));
}

TurnDetection decode_turn_detection(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  const std::string type = fields.required_text("type");
  const std::optional<bool> create = fields.boolean("create_response");
  const std::optional<bool> interrupt = fields.boolean("interrupt_response");
  const std::optional<double> threshold = fields.number("threshold", 0.0, 1.0);
  const std::optional<int> padding = fields.integer("prefix_padding_ms", silence_range);
  const std::optional<int> silence = fields.integer("silence_duration_ms", silence_range);
  const std::optional<int> idle_timeout = fields.integer("idle_timeout_ms", idle_timeout_range);
  const auto eagerness = fields.choice<SemanticVad::Eagerness>("eagerness");
  fields.text("model_version");  // agents SDKs may add it
  fields.finish();

  // Either kind drops what only the other has, and refills its own defaults.
  if (type == "server_vad") {
    ServerVad vad;
    vad.threshold = threshold.value_or(vad.threshold);
    vad.prefix_padding_ms = padding.value_or(vad.prefix_padding_ms);
    vad.silence_duration_ms = silence.value_or(vad.silence_duration_ms);
    vad.idle_timeout_ms = idle_timeout;
    vad.create_response = create.value_or(vad.create_response);
    vad.interrupt_response = interrupt.value_or(vad.interrupt_response);
    return vad;
  }
  if (type != "semantic_vad")
    decoding.fail(unsupported_value(fields.path_of("type"), type, {"server_vad", "semantic_vad"}));
  SemanticVad vad;
  vad.eagerness = eagerness.value_or(vad.eagerness);
  vad.create_response = create.value_or(vad.create_response);
  vad.interrupt_response = interrupt.value_or(vad.interrupt_response);
  return vad;
}

Transcription decode_transcription(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  Transcription transcription{.model = fields.text("model"),
                              .language = fields.text("language"),
                              .prompt = fields.text("prompt"),
                              .delay = fields.text("delay"),
                              .keywords = fields.texts("keywords"),
                              .languages = fields.texts("languages")};
  fields.finish();
  return transcription;
}

NoiseReduction decode_noise_reduction(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  NoiseReduction reduction;
  if (fields.required("type") != nullptr)
    reduction.type = fields.choice<NoiseReduction::Type>("type").value_or(reduction.type);
  reduction.strength = fields.number("strength", 0.0, 1.0);
  fields.finish();
  return reduction;
}

std::vector<std::string> decode_include(Decoding& decoding, const Json& value, const std::string& path) {
  std::vector<std::string> include;
  if (!value.is_array()) decoding.fail(invalid_type(path, "an array", kind_of(value)));
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    const std::string at = element(path, i);
    std::string name = text_of(decoding, value[i], at, decoding.limits.text_bytes);
    if (name != logprobs) decoding.fail(unsupported_value(at, name, {logprobs}));
    include.push_back(std::move(name));
  }
  return include;
}

std::optional<RawJson> decode_tracing(Fields& fields) {
  const Json* value = fields.nullable("tracing");
  if (value == nullptr) return std::nullopt;
  const std::string path = fields.path_of("tracing");
  if (value->is_string() && *value != "auto")
    fields.decoding().fail(unsupported_value(path, value->get_ref<const std::string&>(), {"auto"}));
  if (!value->is_string() && !value->is_null()) {
    Fields tracing(fields.decoding(), *value, path);
    tracing.text("workflow_name");
    tracing.text("group_id");
    tracing.object("metadata");
    tracing.finish();
  }
  RawJson text{value->dump()};
  if (text.text.size() > fields.decoding().limits.text_bytes)
    fields.decoding().fail(too_long(path, fields.decoding().limits.text_bytes, text.text.size()));
  return text;
}

std::optional<Truncation> decode_truncation(Fields& fields) {
  const Json* value = fields.find("truncation");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    const auto strategy = fields.choice<Truncation::Strategy>("truncation");
    return strategy ? std::optional(Truncation{.strategy = *strategy}) : std::nullopt;
  }
  Fields truncation(fields.decoding(), *value, fields.path_of("truncation"));
  Truncation decoded{.strategy = Truncation::Strategy::retention_ratio};
  const std::string type = truncation.required_text("type");
  if (type != "retention_ratio")
    fields.decoding().fail(unsupported_value(truncation.path_of("type"), type, {"retention_ratio"}));
  if (truncation.required("retention_ratio") != nullptr)
    decoded.retention_ratio = truncation.number("retention_ratio", 0.0, 1.0).value_or(1.0);
  if (const Json* limits = truncation.object("token_limits")) {
    Fields token_limits(fields.decoding(), *limits, truncation.path_of("token_limits"));
    decoded.post_instructions_tokens = token_limits.integer("post_instructions", {0, 10'000'000});
    token_limits.finish();
  }
  truncation.finish();
  return decoded;
}

void decode_input(Decoding& decoding, const Json& value, const std::string& path, SessionChanges& changes) {
  Fields input(decoding, value, path);
  changes.input_format = decode_format(input);
  changes.transcription = nullable<Transcription>(input, "transcription", decode_transcription);
  changes.noise_reduction = nullable<NoiseReduction>(input, "noise_reduction", decode_noise_reduction);
  changes.turn_detection = nullable<TurnDetection>(input, "turn_detection", decode_turn_detection);
  input.finish();
}

void decode_output(Decoding& decoding, const Json& value, const std::string& path, SessionChanges& changes) {
  Fields output(decoding, value, path);
  changes.output_format = decode_format(output);
  changes.voice = decode_voice(output);
  changes.speed = output.number("speed", 0.25, 1.5);
  output.finish();
}

}  // namespace

SessionChanges decode_session(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  SessionChanges changes;
  changes.type =
      fields.choice<SessionType>("type");  // GA requires it; its absence is no reason to refuse the rest
  fields.text("model");                    // fixed at connect; SDKs send their own default every time
  changes.output_modality = decode_output_modality(fields);
  changes.instructions = fields.text("instructions", decoding.limits.instructions_bytes);
  changes.tools = decode_tools(fields);
  changes.tool_choice = decode_tool_choice(fields);
  changes.max_output_tokens = decode_token_limit(fields);
  changes.tracing = decode_tracing(fields);
  changes.truncation = decode_truncation(fields);
  changes.include = nullable<std::vector<std::string>>(fields, "include", decode_include);
  skip_what_we_do_not_serve(fields);
  if (const Json* audio = fields.object("audio")) {
    Fields audio_fields(decoding, *audio, fields.path_of("audio"));
    if (const Json* input = audio_fields.object("input"))
      decode_input(decoding, *input, audio_fields.path_of("input"), changes);
    if (const Json* output = audio_fields.object("output"))
      decode_output(decoding, *output, audio_fields.path_of("output"), changes);
    audio_fields.finish();
  }
  if (const Json* native = fields.object("native"))
    changes.native = decode_native(decoding, *native, fields.path_of("native"));
  fields.finish();
  return changes;
}

native::ParametersUpdate decode_native(Decoding& decoding, const Json& value, const std::string& path) {
  constexpr Fields::Range any{0, 1'000'000'000};  // native::updated() knows what is served
  Fields fields(decoding, value, path);
  native::ParametersUpdate update;
  fields.integer("version", {1, 1});
  if (const Json* object = fields.object("input")) {
    Fields input(decoding, *object, fields.path_of("input"));
    update.input = {.codec = input.choice<native::Codec>("codec"),
                    .rate = input.integer("rate", any),
                    .channels = input.integer("channels", any),
                    .frame_ms = input.integer("frame_ms", any),
                    .header = input.boolean("header")};
    input.finish();
  }
  if (const Json* object = fields.object("output")) {
    Fields output(decoding, *object, fields.path_of("output"));
    update.output = {.codec = output.choice<native::Codec>("codec"),
                     .rate = output.integer("rate", any),
                     .frame_ms = output.integer("frame_ms", any),
                     .bitrate = output.integer("bitrate", any),
                     .header = output.boolean("header")};
    output.finish();
  }
  update.json_audio = fields.boolean("json_audio");
  update.lead_ms = fields.integer("lead_ms", any);
  update.playback = fields.choice<native::PlaybackReport>("playback");
  fields.finish();
  return update;
}

}  // namespace parley::protocol
