// `parley serve`: a server in a process of its own, until a signal ends it.
#pragma once

#include "server/serve/server.hpp"

namespace parley::server {

// Serves until SIGTERM or SIGINT, then drains; a second signal ends it at once. Prints
// "listening on http://HOST:PORT" to stdout when it is ready, and logs to stderr. The exit status: 0 after a
// signal. Throws as Server does when it cannot start.
int serve(ServerSettings settings, ServerParts parts);

}  // namespace parley::server
