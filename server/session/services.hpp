// What all sessions share.
#pragma once

#include <memory>

#include "engine/audio/voice_activity.hpp"
#include "engine/engine.hpp"
#include "server/metrics/counters.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Outlives them.
struct Services {
  const ServerSettings& settings;
  engine::Engine& engine;
  std::shared_ptr<const audio::VoiceActivityNet> voice_activity;
  Counters& counters;
};

}  // namespace parley::server
