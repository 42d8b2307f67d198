// What `session.update` and `response.create` have in common.

#include "protocol/base64/base64.hpp"
#include "protocol/realtime/decode_objects.hpp"

namespace parley::protocol {
namespace {

Tool decode_tool(Decoding& decoding, const Json& value, const std::string& path, std::size_t& schema_bytes) {
  Fields fields(decoding, value, path);
  const std::string type = fields.required_text("type");
  if (type != "function") decoding.fail(unsupported_value(fields.path_of("type"), type, {"function"}));
  Tool tool{.name = fields.required_text("name"), .description = fields.text("description")};
  if (tool.name.empty()) decoding.fail(invalid_value(fields.path_of("name"), "A function needs a name."));
  if (const Json* parameters = fields.object("parameters")) {
    tool.parameters = RawJson{parameters->dump()};
    schema_bytes += tool.parameters->text.size();
  }
  fields.boolean("strict");  // some clients carry it over from another API; nothing here depends on it
  fields.finish();
  return tool;
}

}  // namespace

std::optional<Modality> decode_output_modality(Fields& fields) {
  const std::optional<std::vector<std::string>> modalities = fields.texts("output_modalities");
  if (!modalities) return std::nullopt;
  if (modalities->size() == 1)
    if (const auto modality = named<Modality>(modalities->front())) return modality;
  std::string listed;
  for (const std::string& modality : *modalities)
    if (listed.size() < 100) listed += (listed.empty() ? "'" : ", '") + modality.substr(0, 20) + "'";
  fields.decoding().fail(invalid_value(
      fields.path_of("output_modalities"),
      "Invalid modalities: [" + listed + "]. Supported combinations are: ['text'] and ['audio']."));
  return std::nullopt;
}

std::optional<std::vector<Tool>> decode_tools(Fields& fields) {
  const Json* array = fields.array("tools");
  if (array == nullptr) return std::nullopt;
  Decoding& decoding = fields.decoding();
  const std::string path = fields.path_of("tools");
  if (array->size() > decoding.limits.tools) {
    decoding.fail(invalid_value(path, "Too many tools: " + std::to_string(array->size()) + ". At most " +
                                          std::to_string(decoding.limits.tools) + " are accepted."));
    return std::nullopt;
  }
  std::vector<Tool> tools;
  std::size_t schema_bytes = 0;
  for (std::size_t i = 0; i < array->size(); ++i)
    tools.push_back(decode_tool(decoding, (*array)[i], element(path, i), schema_bytes));
  if (schema_bytes > decoding.limits.tools_bytes)
    decoding.fail(too_long(path, decoding.limits.tools_bytes, schema_bytes));
  return tools;
}

std::optional<ToolChoice> decode_tool_choice(Fields& fields) {
  const Json* value = fields.find("tool_choice");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    const auto mode = fields.choice<ToolChoice::Mode>("tool_choice");
    return mode ? std::optional(ToolChoice{.mode = *mode}) : std::nullopt;
  }
  Fields choice(fields.decoding(), *value, fields.path_of("tool_choice"));
  const std::string type = choice.required_text("type");
  if (type != "function") {
    fields.decoding().fail(unsupported_value(choice.path_of("type"), type, {"function"}));
    return std::nullopt;
  }
  ToolChoice named_function{.mode = ToolChoice::Mode::function, .name = choice.required_text("name")};
  choice.finish();
  return named_function;
}

std::optional<TokenLimit> decode_token_limit(Fields& fields) {
  const Json* value = fields.find("max_output_tokens");
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return TokenLimit{fields.integer("max_output_tokens", {1, 4096})};
  if (*value != "inf")
    fields.decoding().fail(unsupported_value(fields.path_of("max_output_tokens"),
                                             value->get_ref<const std::string&>(), {"inf"}));
  return TokenLimit{};
}

std::optional<AudioFormat> decode_format(Fields& fields) {
  const Json* value = fields.object("format");
  if (value == nullptr) return std::nullopt;
  Fields format(fields.decoding(), *value, fields.path_of("format"));
  AudioFormat decoded;
  if (format.required("type") != nullptr)
    decoded.encoding = format.choice<AudioFormat::Encoding>("type").value_or(AudioFormat::Encoding::pcm);
  const bool pcm = decoded.encoding == AudioFormat::Encoding::pcm;
  // Which rates of PCM are served depends on the session: see updated() in session_update.hpp.
  decoded.rate = format.integer("rate", {0, 1'000'000}).value_or(pcm ? 24000 : 8000);
  if (!pcm && decoded.rate != 8000)
    fields.decoding().fail(unsupported_value(format.path_of("rate"), std::to_string(decoded.rate), {"8000"}));
  format.finish();
  return decoded;
}

std::optional<std::string> decode_voice(Fields& fields) {
  const Json* value = fields.find("voice");
  if (value == nullptr) return std::nullopt;
  std::string name;
  if (value->is_object()) {
    Fields voice(fields.decoding(), *value, fields.path_of("voice"));
    name = voice.required_text("id");
    voice.finish();
  } else {
    name = fields.text("voice").value_or("");
  }
  if (name.empty()) fields.decoding().fail(invalid_value(fields.path_of("voice"), "A voice needs a name."));
  return name;
}

void skip_what_we_do_not_serve(Fields& fields) {
  fields.object("prompt");
  fields.object("reasoning");
  fields.boolean("parallel_tool_calls");
}

std::optional<Bytes> decode_audio(Fields& fields, std::string_view name) {
  Decoding& decoding = fields.decoding();
  const std::size_t limit = decoding.limits.append_bytes;
  const Json* value = fields.find(name);
  if (value == nullptr) return std::nullopt;
  std::string path = fields.path_of(name);
  if (!value->is_string()) {
    decoding.fail(invalid_type(std::move(path), "a string", kind_of(*value)));
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > base64::encoded_size(limit)) {
    decoding.fail(too_long(std::move(path), base64::encoded_size(limit), text.size()));
    return std::nullopt;
  }
  std::optional<Bytes> audio = base64::decode(text);
  if (audio && !audio->empty()) return audio;
  std::string message = "Invalid '" + path +
                        "'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got " +
                        (audio ? "empty bytes." : "an invalid value.");
  decoding.fail(invalid_value(std::move(path), std::move(message)));
  return std::nullopt;
}

}  // namespace parley::protocol
