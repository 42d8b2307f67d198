#include "server/session/web_socket_stream.hpp"

namespace parley::server {

std::unique_ptr<IncomingWebSocket> web_socket_over(PlainStream stream, const LimitSettings& limits) {
  return std::make_unique<WebSocketStream<PlainStream>>(std::move(stream), limits);
}

}  // namespace parley::server
