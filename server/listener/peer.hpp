// Who is at the other end of a connection.
#pragma once

#include <string>

#include "server/http/message.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

struct Peer {
  std::string address;  // of the socket
  bool tls = false;     // the connection is encrypted

  // The client's address: the last X-Forwarded-For entry where the socket's peer is a proxy of ours.
  std::string client(const Request& request, const LimitSettings& limits) const;
  // The request was made on this machine, and not through a proxy.
  bool from_here(const Request& request) const;
};

}  // namespace parley::server
