// All that the connections of one listener share.
#pragma once

#include <atomic>
#include <memory>

#include "server/auth/gate.hpp"
#include "server/http/routes.hpp"
#include "server/listener/admission.hpp"
#include "server/listener/entrance.hpp"
#include "server/listener/sessions.hpp"

namespace parley::server {

class House {
 public:
  House(const ServerSettings& server_settings, engine::Engine& engine,
        std::shared_ptr<const audio::VoiceActivityNet> voice_activity, PageSource page)
      : settings(server_settings),
        gate(settings.auth),
        admission(settings.limits),
        services{settings, engine, std::move(voice_activity), counters},
        routes({settings, engine, gate, counters, draining, std::move(page)}),
        doorkeeper({settings, engine, gate, admission, counters, draining}) {}
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  const ServerSettings& settings;
  Counters counters;
  std::atomic<bool> draining{false};
  Gate gate;
  Admission admission;
  Sessions sessions;
  const Services services;
  const Routes routes;
  const Doorkeeper doorkeeper;
};

}  // namespace parley::server
