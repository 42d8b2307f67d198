// What the server answers to plain HTTP requests; upgrades are the listener's.
#pragma once

#include <atomic>

#include "engine/engine.hpp"
#include "server/auth/gate.hpp"
#include "server/http/message.hpp"
#include "server/http/page.hpp"
#include "server/metrics/counters.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Thread-safe; all it refers to outlives it.
class Routes {
 public:
  struct Parts {
    const ServerSettings& settings;
    engine::Engine& engine;
    Gate& gate;
    Counters& counters;
    const std::atomic<bool>& draining;
    PageSource page;
  };
  explicit Routes(Parts parts);

  // `from_here`: the request comes from this machine.
  Response answer(const Request& request, bool from_here) const;

 private:
  Response healthz() const;
  Response readyz() const;
  Response metrics() const;
  Response models(std::string_view path) const;
  Response client_secret(const Request& request) const;
  Response page(const Request& request) const;
  std::optional<Response> refused(const Request& request) const;  // for want of a key

  Parts parts_;
  std::int64_t created_;  // Unix time, s
};

std::optional<Credential> credential_of(const Request& request, bool key_in_query);
UnixSeconds unix_now();

}  // namespace parley::server
