#include "protocol/realtime/server_event.hpp"

namespace parley::protocol {

ServerEventBody::ServerEventBody(const ServerEventBody& other) = default;
ServerEventBody::ServerEventBody(ServerEventBody&& other) noexcept = default;
ServerEventBody& ServerEventBody::operator=(const ServerEventBody& other) = default;
ServerEventBody& ServerEventBody::operator=(ServerEventBody&& other) noexcept = default;
ServerEventBody::~ServerEventBody() = default;

}  // namespace parley::protocol
