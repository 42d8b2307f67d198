// The keys of all settings, and what must hold between them.
#pragma once

#include "config/settings.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Gives every field of `server` its key, range and meaning. `server` must outlive `settings`.
void register_settings(config::Settings& settings, ServerSettings& server);

// Throws std::runtime_error with a sentence for the operator: what fits no single key, such as a listener for
// the whole network without keys.
void check(const ServerSettings& server);

// "HOST:PORT", "[::1]:PORT" or "PORT" (on loopback), taken apart. Throws std::runtime_error.
struct ListenAddress {
  std::string host;
  unsigned short port = 0;
  bool loopback() const;
};
ListenAddress parse_listen(const std::string& listen);

}  // namespace parley::server
