#include "server/session/web_socket_stream.hpp"

namespace parley::server {

std::unique_ptr<IncomingWebSocket> web_socket_over(EncryptedStream stream, const LimitSettings& limits) {
  return std::make_unique<WebSocketStream<EncryptedStream>>(std::move(stream), limits);
}

}  // namespace parley::server
