#include "protocol/realtime/decode_objects.hpp"

namespace parley::protocol {
namespace {

std::optional<std::vector<InputItem>> decode_input(Fields& fields) {
  const Json* array = fields.array("input");
  if (array == nullptr) return std::nullopt;
  std::vector<InputItem> input;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const Json& value = (*array)[i];
    const std::string path = element(fields.path_of("input"), i);
    const bool reference = value.is_object() && value.contains("type") && value["type"] == "item_reference";
    if (!reference) {
      input.push_back(decode_item(fields.decoding(), value, path));
      continue;
    }
    Fields item(fields.decoding(), value, path);
    item.accept("type");
    input.push_back(ItemReference{item.required_text("id")});
    item.finish();
  }
  return input;
}

std::optional<Metadata> decode_metadata(Fields& fields) {
  constexpr std::size_t max_pairs = 16;
  constexpr std::size_t max_key = 64;
  constexpr std::size_t max_value = 512;
  const Json* object = fields.object("metadata");
  if (object == nullptr) return std::nullopt;
  Decoding& decoding = fields.decoding();
  const std::string path = fields.path_of("metadata");
  if (object->size() > max_pairs)
    decoding.fail(invalid_value(path, "Too many pairs: " + std::to_string(object->size()) + ". At most " +
                                          std::to_string(max_pairs) + " are accepted."));
  Metadata metadata;
  for (const auto& [key, value] : object->items()) {
    if (key.size() > max_key) {
      decoding.fail(too_long(path, max_key, key.size()));
      break;
    }
    metadata[key] = text_of(decoding, value, path + "." + key, max_value);
  }
  return metadata;
}

}  // namespace

ResponseParameters decode_response(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  ResponseParameters response;
  response.instructions = fields.text("instructions", decoding.limits.instructions_bytes);
  response.output_modality = decode_output_modality(fields);
  response.tools = decode_tools(fields);
  response.tool_choice = decode_tool_choice(fields);
  response.max_output_tokens = decode_token_limit(fields);
  response.input = decode_input(fields);
  response.metadata = decode_metadata(fields);
  if (const std::optional<std::string> conversation = fields.text("conversation")) {
    response.out_of_band = *conversation == "none";
    if (*conversation != "none" && *conversation != "auto")
      decoding.fail(unsupported_value(fields.path_of("conversation"), *conversation, {"auto", "none"}));
  }
  if (const Json* audio = fields.object("audio")) {
    Fields audio_fields(decoding, *audio, fields.path_of("audio"));
    if (const Json* object = audio_fields.object("output")) {
      Fields output(decoding, *object, audio_fields.path_of("output"));
      response.output_format = decode_format(output);
      response.voice = decode_voice(output);
      output.finish();
    }
    audio_fields.finish();
  }
  skip_what_we_do_not_serve(fields);
  fields.finish();
  return response;
}

}  // namespace parley::protocol
