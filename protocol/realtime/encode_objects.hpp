// The objects inside server events, each written as the next value of a JsonWriter.
#pragma once

#include "protocol/realtime/item.hpp"
#include "protocol/realtime/json_writer.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::protocol {

enum class WithAudio { no, yes };  // whether content parts show their audio bytes

void write(JsonWriter& json, const Item& item, WithAudio with_audio);
void write(JsonWriter& json, const Session& session);
void write(JsonWriter& json, const AudioFormat& format);
void write(JsonWriter& json, const TokenLimit& limit);
void write(JsonWriter& json, const Response& response);

}  // namespace parley::protocol
