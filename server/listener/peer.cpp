// Tested by test/server/listener/handshake_test.cpp.
#include "server/listener/peer.hpp"

#include <algorithm>

#include "server/auth/credential.hpp"

namespace parley::server {

std::string Peer::client(const Request& request, const LimitSettings& limits) const {
  if (std::find(limits.proxies.begin(), limits.proxies.end(), address) == limits.proxies.end())
    return address;
  const auto hops = split_tokens(header(request, "X-Forwarded-For"));
  return hops.empty() ? address : std::string(hops.back());
}

bool Peer::from_here(const Request& request) const {
  const bool loopback = address == "::1" || address.starts_with("127.");
  return loopback && header(request, "X-Forwarded-For").empty() && header(request, "Forwarded").empty();
}

}  // namespace parley::server
