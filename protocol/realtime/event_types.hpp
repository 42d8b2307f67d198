// The client events by their names on the wire.
#pragma once

#include <span>
#include <string_view>

namespace parley::protocol {

std::span<const std::string_view> client_event_types();         // the ten that every connection accepts
std::span<const std::string_view> native_client_event_types();  // the same and those of native mode

}  // namespace parley::protocol
