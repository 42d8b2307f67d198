// What a session is before its client has said anything.
#pragma once

#include <chrono>

#include "engine/speech_model.hpp"
#include "protocol/realtime/ids.hpp"
#include "protocol/realtime/session_update.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

struct BeginningRequest {
  protocol::SessionChanges changes;  // of the client secret that it is opened with
  bool native = false;               // chosen by the handshake
  bool transcription = false;        // the same: speech is transcribed, and not answered
};

// The server's defaults, changed as asked; with an id and an end. The error names what cannot be.
protocol::Result<protocol::Session> beginning(const BeginningRequest& request, const ServerSettings& settings,
                                              const engine::ModelInfo& model, std::chrono::seconds unix_now);

// SplitMix64 (Steele, Lea, Flood 2014), seeded by the operating system: ids must not repeat, and nobody needs
// to be unable to guess them.
protocol::IdGenerator::RandomBits random_bits();

}  // namespace parley::server
