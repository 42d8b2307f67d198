// Tested by test/server/auth/auth_test.cpp.
#include "server/auth/credential.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

#include "server/http/target.hpp"

namespace parley::server {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t";
  const std::size_t first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

bool starts_with_no_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace

std::vector<std::string_view> split_tokens(std::string_view header) {
  std::vector<std::string_view> tokens;
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    if (const auto token = trimmed(header.substr(0, comma)); !token.empty()) tokens.push_back(token);
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return tokens;
}

std::optional<Credential> find_credential(const CredentialSources& sources, bool key_in_query) {
  using Source = Credential::Source;
  constexpr std::string_view bearer = "Bearer ";
  constexpr std::string_view token_prefix = "openai-insecure-api-key.";
  if (starts_with_no_case(sources.authorization, bearer)) {
    const auto key = trimmed(sources.authorization.substr(bearer.size()));
    if (!key.empty()) return Credential{std::string(key), Source::authorization};
  }
  if (const auto key = trimmed(sources.api_key); !key.empty())
    return Credential{std::string(key), Source::api_key_header};
  for (const std::string_view token : sources.subprotocols) {
    if (token.starts_with(token_prefix) && token.size() > token_prefix.size())
      return Credential{std::string(token.substr(token_prefix.size())), Source::subprotocol};
  }
  if (key_in_query) {
    if (auto key = query_value(sources.target, "api_key"); key && !key->empty())
      return Credential{*std::move(key), Source::query};
  }
  return std::nullopt;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace parley::server
