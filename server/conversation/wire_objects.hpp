// Between our objects and those of the wire and the engine.
#pragma once

#include <string>

#include "engine/turn.hpp"
#include "protocol/realtime/item.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/session.hpp"
#include "server/conversation/item_log.hpp"

namespace parley::conversation {

// As events show the item: no audio, a user's transcript only where the client asked for transcription.
protocol::Item wire_item(const Item& item);

// An item as a client made it; `id` where it left that open. Audio in it is not part of our item:
// recording().
Item item_from(const protocol::Item& item, std::string id);
// The audio of a user message, all its parts in a row; empty for other items.
protocol::Bytes recording(const protocol::Item& item);

protocol::Usage wire_usage(const engine::Usage& usage);

engine::ToolChoice engine_tool_choice(const protocol::ToolChoice& choice);
std::vector<engine::Tool> engine_tools(const std::vector<protocol::Tool>& tools);
// TurnRequest::retention.
std::optional<double> retention(const protocol::Truncation& truncation);

}  // namespace parley::conversation
