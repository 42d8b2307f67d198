// POST /v1/realtime/client_secrets (protocol.md 12.3).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/speech_model.hpp"
#include "protocol/realtime/session_update.hpp"
#include "server/auth/ephemeral_keys.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

struct ClientSecretRequest {
  std::chrono::seconds lifetime{600};
  protocol::SessionChanges session;
};

protocol::Result<ClientSecretRequest> decode_client_secret(std::string_view body);

// The body of the answer, or what is wrong with the session that was asked for.
protocol::Result<std::string> mint_client_secret(ClientSecretRequest request, const ServerSettings& settings,
                                                 const engine::ModelInfo& model, EphemeralKeys& keys,
                                                 UnixSeconds now);

}  // namespace parley::server
