// What becomes of a request to open a session: refused, told off, or admitted (protocol.md 1.2, 12.4).
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "protocol/realtime/session.hpp"
#include "server/auth/gate.hpp"
#include "server/http/message.hpp"
#include "server/listener/admission.hpp"
#include "server/listener/peer.hpp"
#include "server/metrics/counters.hpp"
#include "server/session/hold.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// One of the three holds. Browsers cannot read the HTTP answer to a failed upgrade, so what a programmer
// should see is told over the WebSocket, which is then closed.
struct Entrance {
  std::optional<Response> refusal;  // instead of the upgrade

  std::string subprotocol;           // of the upgrade; "": none
  std::optional<Farewell> farewell;  // upgraded, told, closed

  protocol::Session begin;
  Admission::Ticket ticket;
};

class Doorkeeper {
 public:
  struct Parts {
    const ServerSettings& settings;
    engine::Engine& engine;
    Gate& gate;
    Admission& admission;
    Counters& counters;
    const std::atomic<bool>& draining;
  };
  explicit Doorkeeper(Parts parts) : parts_(parts) {}

  // `request` is a well-formed upgrade to /v1/realtime.
  Entrance examine(const Request& request, const Peer& peer) const;

 private:
  std::optional<Response> refuse_page(const Request& request, const Peer& peer) const;
  std::optional<Response> refuse_for_lack_of_room(const Request& request, const Peer& peer,
                                                  Entrance& entrance) const;

  Parts parts_;
};

}  // namespace parley::server
