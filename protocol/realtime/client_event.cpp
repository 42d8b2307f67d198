#include "protocol/realtime/client_event.hpp"

namespace parley::protocol {

ClientEventBody::ClientEventBody(const ClientEventBody& other) = default;
ClientEventBody::ClientEventBody(ClientEventBody&& other) noexcept = default;
ClientEventBody& ClientEventBody::operator=(const ClientEventBody& other) = default;
ClientEventBody& ClientEventBody::operator=(ClientEventBody&& other) noexcept = default;
ClientEventBody::~ClientEventBody() = default;

}  // namespace parley::protocol
