#include "protocol/realtime/decode_objects.hpp"
#include "protocol/realtime/ids.hpp"

namespace parley::protocol {
namespace {

std::string decode_id(Fields& fields, std::string_view name) {
  std::optional<std::string> id = fields.text(name);
  if (id && !is_valid_id(*id))
    fields.decoding().fail(invalid_value(
        fields.path_of(name),
        "Invalid '" + fields.path_of(name) + "': expected 1 to 64 letters, digits, underscores or hyphens."));
  return id.value_or("");
}

InputAudio decode_input_audio(Fields& fields) {
  InputAudio part;
  std::optional<Bytes> audio = decode_audio(fields, "audio");
  part.transcript = fields.text("transcript");
  if (!audio && !part.transcript) fields.decoding().fail(missing_required_parameter(fields.path_of("audio")));
  part.audio = std::move(audio).value_or(Bytes{});
  return part;
}

// What each role may say. Assistant audio cannot be made up by a client: such a part is taken for its `text`,
// which it then lacks. `text` and `audio` are the beta names.
ContentPart decode_part(Decoding& decoding, const Json& value, const std::string& path, Role role) {
  Fields fields(decoding, value, path);
  const std::string type = fields.required_text("type");
  ContentPart part = InputText{};
  const auto refuse = [&](std::initializer_list<std::string_view> supported) {
    decoding.fail(unsupported_value(fields.path_of("type"), type, supported));
  };
  if (role == Role::assistant) {
    if (type != "output_text" && type != "text" && type != "output_audio" && type != "audio")
      refuse({"output_text"});
    part = OutputText{fields.required_text("text")};
    fields.text("transcript");
  } else if (type == "input_text") {
    part = InputText{fields.required_text("text")};
  } else if (type == "input_audio" && role == Role::user) {
    part = decode_input_audio(fields);
  } else if (role == Role::user) {
    refuse({"input_text", "input_audio"});
  } else {
    refuse({"input_text"});
  }
  fields.finish();
  return part;
}

Message decode_message(Fields& fields) {
  Message message;
  if (fields.required("role") != nullptr) message.role = fields.choice<Role>("role").value_or(Role::user);
  fields.required("content");
  const Json* content = fields.array("content");
  for (std::size_t i = 0; content != nullptr && i < content->size(); ++i)
    message.content.push_back(
        decode_part(fields.decoding(), (*content)[i], element(fields.path_of("content"), i), message.role));
  return message;
}

}  // namespace

Item decode_item(Decoding& decoding, const Json& value, const std::string& path) {
  Fields fields(decoding, value, path);
  Item item;
  const std::string type = fields.required_text("type");
  item.id = decode_id(fields, "id");
  // What a client adds is there already; only that it was cut short is worth keeping.
  if (fields.choice<ItemStatus>("status") == ItemStatus::incomplete) item.status = ItemStatus::incomplete;
  fields.text("object");
  if (type == "message") {
    item.body = decode_message(fields);
  } else if (type == "function_call") {
    item.body = FunctionCall{.name = fields.required_text("name"),
                             .call_id = decode_id(fields, "call_id"),
                             .arguments = fields.required_text("arguments")};
  } else if (type == "function_call_output") {
    fields.required("call_id");
    item.body =
        FunctionCallOutput{.call_id = decode_id(fields, "call_id"), .output = fields.required_text("output")};
  } else {
    decoding.fail(unsupported_value(fields.path_of("type"), type,
                                    {"message", "function_call", "function_call_output"}));
  }
  fields.finish();
  return item;
}

}  // namespace parley::protocol
