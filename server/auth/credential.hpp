// Where a request carries its credential (protocol.md 1.2), and who may enter with it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

struct Credential {
  enum class Source { authorization, api_key_header, subprotocol, query };
  std::string value;
  Source source = Source::authorization;
};

// What of a request is looked at. Header values as they came; the path with its query.
struct CredentialSources {
  std::string_view authorization;
  std::string_view api_key;
  std::vector<std::string_view> subprotocols;  // split_tokens()
  std::string_view target;
};

// In this order: Authorization: Bearer, api-key, the subprotocol openai-insecure-api-key.KEY and, if allowed,
// the query's api_key. Empty: the request carries none.
std::optional<Credential> find_credential(const CredentialSources& sources, bool key_in_query);

// Parts of a header like Sec-WebSocket-Protocol, between commas, without white space; empty ones are left
// out. Keys may hold any characters, so this is laxer than RFC 6455's tokens.
std::vector<std::string_view> split_tokens(std::string_view header);

// In a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace parley::server
