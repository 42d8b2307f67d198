// Where a server is, as an operator writes it.
#pragma once

#include <string>
#include <string_view>

namespace parley::client {

struct Url {
  std::string host;
  std::string port = "80";
  std::string target;  // path and query, as it is asked for

  std::string authority() const;  // "host:port", as the Host header has it
};

// "ws://HOST[:PORT][/PATH][?QUERY]" or the same with http://, as `parley serve` prints it. Without a path it
// is /v1/realtime; the query gets native=1 where it says nothing about it. Throws std::invalid_argument with
// a sentence.
Url parse_url(std::string_view text);

}  // namespace parley::client
