// Tested by test/server/auth/auth_test.cpp.
#include "server/auth/origin.hpp"

#include <algorithm>
#include <cctype>

namespace parley::server {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

std::optional<std::string> normalized_origin(std::string_view text) {
  const std::string origin = lower(text);
  const std::size_t colon = origin.find("://");
  if (colon == std::string::npos) return std::nullopt;
  const std::string scheme = origin.substr(0, colon);
  const std::string host = origin.substr(colon + 3);
  if (host.empty() || host.find_first_of("/?#@ \t") != std::string::npos) return std::nullopt;
  const std::size_t bracket = host.rfind(']');
  const std::size_t port = host.find(':', bracket == std::string::npos ? 0 : bracket);
  if (port != std::string::npos) return origin;
  if (scheme == "http") return origin + ":80";
  if (scheme == "https") return origin + ":443";
  return std::nullopt;
}

bool origin_allowed(std::optional<std::string_view> origin, std::string_view host, bool tls,
                    const std::vector<std::string>& allowed) {
  if (!origin) return true;
  const auto asked = normalized_origin(*origin);
  if (!asked) return false;
  // Behind a proxy that speaks TLS for us the page's scheme is https although ours is http.
  for (const char* scheme : {"https://", "http://"}) {
    if (tls && scheme == std::string_view("http://")) continue;
    if (!host.empty() && asked == normalized_origin(scheme + std::string(host))) return true;
  }
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& entry) { return normalized_origin(entry) == asked; });
}

}  // namespace parley::server
