#include "client/url.hpp"

#include <algorithm>
#include <stdexcept>

namespace parley::client {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw std::invalid_argument(
      "'" + std::string(text) + "' " + why +
      "; expected ws://HOST:PORT or http://HOST:PORT, with a path and a query or without");
}

bool asks_for_native(std::string_view query) {
  for (std::size_t at = query.find("native="); at != std::string_view::npos;
       at = query.find("native=", at + 1))
    if (at == 0 || query[at - 1] == '&') return true;
  return false;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65535 && text != "0";
}

}  // namespace

std::string Url::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

Url parse_url(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("ws://"))
    rest.remove_prefix(5);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("wss://") || rest.starts_with("https://"))
    refuse(text, "asks for TLS, which this client does not speak: name the listener behind the proxy");
  else
    refuse(text, "has no scheme");

  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);

  Url url;
  std::string_view after_host;
  if (authority.starts_with('[')) {  // an IPv6 address
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) refuse(text, "has an address without its ']'");
    url.host = authority.substr(1, close - 1);
    after_host = authority.substr(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    after_host = authority.substr(colon);
  }
  if (url.host.empty()) refuse(text, "names no host");
  if (!after_host.empty()) {
    if (after_host[0] != ':' || !is_port(after_host.substr(1)))
      refuse(text, "has no port from 1 to 65535 after its host");
    url.port = after_host.substr(1);
  }

  const std::size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view path = rest.substr(0, question);
  const std::string_view query = question < rest.size() ? rest.substr(question + 1) : std::string_view();
  url.target = path.empty() || path == "/" ? "/v1/realtime" : std::string(path);
  url.target += "?" + std::string(query);
  if (!asks_for_native(query)) url.target += query.empty() ? "native=1" : "&native=1";
  return url;
}

}  // namespace parley::client
