// Which web pages may connect (protocol.md 12.4). The Origin header is the only cross-site protection of a
// WebSocket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

// scheme://host:port in lower case, the port always there. Empty: the text is no origin ("null", a path).
std::optional<std::string> normalized_origin(std::string_view text);

// True without an Origin (programs send none), for the server's own page (`host` is the request's Host
// header), and for those of the list. `tls`: what the server itself speaks.
bool origin_allowed(std::optional<std::string_view> origin, std::string_view host, bool tls,
                    const std::vector<std::string>& allowed);

}  // namespace parley::server
