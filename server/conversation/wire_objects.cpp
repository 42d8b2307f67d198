#include "server/conversation/wire_objects.hpp"

#include <utility>

#include "server/conversation/overloaded.hpp"

namespace parley::conversation {
namespace {

protocol::ContentPart wire_part(const Item& item, const Part& part) {
  switch (part.kind) {
    case Part::Kind::input_text:
      return protocol::InputText{part.text};
    case Part::Kind::output_text:
      return protocol::OutputText{part.text};
    case Part::Kind::output_audio:
      return protocol::OutputAudio{item.text_of(part)};
    case Part::Kind::input_audio:
      break;
  }
  protocol::InputAudio audio;
  if (item.transcription == Transcription::told) audio.transcript = part.text;
  return audio;
}

Part part_from(const protocol::ContentPart& part) {
  return std::visit(
      Overloaded{
          [](const protocol::InputText& text) { return Part{Part::Kind::input_text, text.text}; },
          [](const protocol::InputAudio& audio) {
            return Part{Part::Kind::input_audio, audio.transcript.value_or("")};
          },
          [](const protocol::OutputText& text) { return Part{Part::Kind::output_text, text.text}; },
          [](const protocol::OutputAudio& audio) { return Part{Part::Kind::output_audio, audio.transcript}; },
      },
      part);
}

protocol::ItemStatus wire_status(Item::Status status) {
  switch (status) {
    case Item::Status::in_progress:
      return protocol::ItemStatus::in_progress;
    case Item::Status::completed:
      return protocol::ItemStatus::completed;
    case Item::Status::incomplete:
      break;
  }
  return protocol::ItemStatus::incomplete;
}

protocol::Role wire_role(engine::Role role) {
  switch (role) {
    case engine::Role::system:
      return protocol::Role::system;
    case engine::Role::user:
      return protocol::Role::user;
    case engine::Role::assistant:
      break;
  }
  return protocol::Role::assistant;
}

engine::Role engine_role(protocol::Role role) {
  switch (role) {
    case protocol::Role::system:
      return engine::Role::system;
    case protocol::Role::user:
      return engine::Role::user;
    case protocol::Role::assistant:
      break;
  }
  return engine::Role::assistant;
}

}  // namespace

protocol::Item wire_item(const Item& item) {
  protocol::Item wire{item.id, wire_status(item.status), {}};
  switch (item.kind) {
    case engine::ItemKind::function_call:
      wire.body = protocol::FunctionCall{item.name, item.call_id, item.text};
      break;
    case engine::ItemKind::function_call_output:
      wire.body = protocol::FunctionCallOutput{item.call_id, item.text};
      break;
    case engine::ItemKind::message: {
      protocol::Message message{wire_role(item.role), {}};
      for (const Part& part : item.content) message.content.push_back(wire_part(item, part));
      wire.body = std::move(message);
    }
  }
  return wire;
}

Item item_from(const protocol::Item& wire, std::string id) {
  Item item;
  item.id = std::move(id);
  // A client cannot leave an item half-made.
  item.status =
      wire.status == protocol::ItemStatus::incomplete ? Item::Status::incomplete : Item::Status::completed;
  std::visit(Overloaded{
                 [&](const protocol::Message& message) {
                   item.kind = engine::ItemKind::message;
                   item.role = engine_role(message.role);
                   for (const auto& part : message.content) item.content.push_back(part_from(part));
                 },
                 [&](const protocol::FunctionCall& call) {
                   item.kind = engine::ItemKind::function_call;
                   item.role = engine::Role::assistant;
                   item.name = call.name;
                   item.call_id = call.call_id;
                   item.text = call.arguments;
                 },
                 [&](const protocol::FunctionCallOutput& output) {
                   item.kind = engine::ItemKind::function_call_output;
                   item.call_id = output.call_id;
                   item.text = output.output;
                 },
             },
             wire.body);
  // What a client wrote beside its audio is known to it.
  for (const Part& part : item.content) {
    if (part.kind == Part::Kind::input_audio && !part.text.empty()) item.transcription = Transcription::told;
  }
  return item;
}

protocol::Bytes recording(const protocol::Item& wire) {
  protocol::Bytes bytes;
  if (const auto* message = std::get_if<protocol::Message>(&wire.body)) {
    for (const auto& part : message->content) {
      if (const auto* audio = std::get_if<protocol::InputAudio>(&part)) {
        bytes.insert(bytes.end(), audio->audio.begin(), audio->audio.end());
      }
    }
  }
  return bytes;
}

protocol::Usage wire_usage(const engine::Usage& usage) {
  return {usage.input_text_tokens,   usage.input_audio_tokens, usage.cached_text_tokens,
          usage.cached_audio_tokens, usage.output_text_tokens, usage.output_audio_tokens};
}

engine::ToolChoice engine_tool_choice(const protocol::ToolChoice& choice) {
  using Mode = protocol::ToolChoice::Mode;
  switch (choice.mode) {
    case Mode::automatic:
      return {engine::ToolChoice::Mode::automatic, {}};
    case Mode::none:
      return {engine::ToolChoice::Mode::none, {}};
    case Mode::required:
      return {engine::ToolChoice::Mode::required, {}};
    case Mode::function:
      break;
  }
  return {engine::ToolChoice::Mode::named, choice.name};
}

std::vector<engine::Tool> engine_tools(const std::vector<protocol::Tool>& tools) {
  std::vector<engine::Tool> result;
  result.reserve(tools.size());
  for (const auto& tool : tools) {
    result.push_back(
        {tool.name, tool.description.value_or(""), tool.parameters ? tool.parameters->text : "{}"});
  }
  return result;
}

std::optional<double> retention(const protocol::Truncation& truncation) {
  using Strategy = protocol::Truncation::Strategy;
  switch (truncation.strategy) {
    case Strategy::disabled:
      return std::nullopt;
    case Strategy::retention_ratio:
      return truncation.retention_ratio;
    case Strategy::automatic:
      break;
  }
  return engine::TurnRequest{}.retention;
}

}  // namespace parley::conversation
