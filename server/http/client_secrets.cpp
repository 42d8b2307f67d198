// Tested by test/server/listener/handshake_test.cpp, H12.
#include "server/http/client_secrets.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/realtime/codec.hpp"
#include "server/session/beginning.hpp"

namespace parley::server {
namespace {

using nlohmann::json;

constexpr int shortest_s = 10;
constexpr int longest_s = 7200;

protocol::Result<std::chrono::seconds> lifetime_of(const json& expires_after) {
  if (expires_after.is_null()) return std::chrono::seconds(600);
  if (!expires_after.is_object())
    return protocol::invalid_type("expires_after", "an object", expires_after.type_name());
  if (const auto anchor = expires_after.find("anchor");
      anchor != expires_after.end() && *anchor != "created_at")
    return protocol::unsupported_value("expires_after.anchor",
                                       anchor->is_string() ? anchor->get<std::string>() : "", {"created_at"});
  const auto seconds = expires_after.find("seconds");
  if (seconds == expires_after.end()) return std::chrono::seconds(600);
  if (!seconds->is_number_integer() || *seconds < shortest_s || *seconds > longest_s)
    return protocol::invalid_value("expires_after.seconds", "Expected a whole number of seconds from " +
                                                                std::to_string(shortest_s) + " to " +
                                                                std::to_string(longest_s) + ".");
  return std::chrono::seconds(seconds->get<int>());
}

}  // namespace

protocol::Result<ClientSecretRequest> decode_client_secret(std::string_view body) {
  if (body.empty()) return ClientSecretRequest{};
  constexpr int deepest = 32;
  const auto shallow = [](int depth, json::parse_event_t, json&) {
    if (depth > deepest) throw std::length_error("too deep");
    return true;
  };
  json request;
  try {
    request = json::parse(body, shallow);
  } catch (const std::exception&) {
    return protocol::invalid_json();
  }
  if (!request.is_object()) return protocol::invalid_event("Expected a JSON object.");
  ClientSecretRequest result;
  const auto lifetime = lifetime_of(request.value("expires_after", json()));
  if (!lifetime) return lifetime.error();
  result.lifetime = *lifetime;
  if (const auto session = request.find("session"); session != request.end() && !session->is_null()) {
    auto changes = protocol::decode_session_changes(session->dump());
    if (!changes) return changes.error();
    result.session = *std::move(changes);
  }
  return result;
}

protocol::Result<std::string> mint_client_secret(ClientSecretRequest request, const ServerSettings& settings,
                                                 const engine::ModelInfo& model, EphemeralKeys& keys,
                                                 UnixSeconds now) {
  auto session = beginning({.changes = request.session}, settings, model, now);
  if (!session) return session.error();
  const EphemeralKey key = keys.mint(now, request.lifetime, std::move(request.session));
  const json head{{"value", key.value}, {"expires_at", key.expires_at.count()}};
  std::string body = head.dump();
  body.back() = ',';
  return body + "\"session\":" + protocol::encode(*session) + "}";
}

}  // namespace parley::server
