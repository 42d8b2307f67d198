// Tested by test/server/listener/handshake_test.cpp.
#include "server/listener/entrance.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/auth/origin.hpp"
#include "server/http/routes.hpp"
#include "server/http/target.hpp"
#include "server/session/beginning.hpp"
#include "server/session/names.hpp"

namespace parley::server {
namespace {

using Subprotocols = std::vector<std::string_view>;

constexpr std::string_view native_token = "realtime.opus.v1";
constexpr std::string_view json_token = "realtime";
constexpr std::string_view beta_token = "openai-beta.realtime-v1";

bool offers(const Subprotocols& offered, std::string_view token) {
  return std::find(offered.begin(), offered.end(), token) != offered.end();
}

// Never one that the client did not offer, and never the one with its key in it.
std::string_view chosen_subprotocol(const Subprotocols& offered) {
  for (const std::string_view token : {native_token, json_token})
    if (offers(offered, token)) return token;
  return {};
}

Farewell farewell(protocol::Error error, std::uint16_t code) {
  std::string reason = "invalid_request_error." + std::string(protocol::to_string(error.code));
  return {std::move(error), code, std::move(reason)};
}

constexpr std::uint16_t bad_key = 3000;
constexpr std::uint16_t bad_request = 4000;

// What in the request asks for something that is not served.
std::optional<protocol::Error> fault_of(const Request& request, const Subprotocols& offered,
                                        const engine::ModelInfo& model, const NameSettings& names) {
  const std::string_view target = target_of(request);
  if (header(request, "OpenAI-Beta").find("realtime=v1") != std::string_view::npos ||
      offers(offered, beta_token))
    return protocol::beta_api_shape_disabled();
  if (query_value(target, "call_id"))
    return protocol::invalid_value("call_id",
                                   "WebRTC and SIP calls are not served here: connect with 'model'.");
  if (const auto asked = query_value(target, "model"); asked && !model_accepted(*asked, model, names))
    return protocol::invalid_model(*asked);
  return std::nullopt;
}

}  // namespace

Entrance Doorkeeper::examine(const Request& request, const Peer& peer) const {
  Entrance entrance;
  if ((entrance.refusal = refuse_page(request, peer))) return entrance;

  const Subprotocols offered = split_tokens(header(request, http::field::sec_websocket_protocol));
  entrance.subprotocol = chosen_subprotocol(offered);
  const auto credential = credential_of(request, parts_.settings.auth.key_in_query);
  Gate::Decision decision = parts_.gate.admit(credential, unix_now());
  switch (decision.verdict) {
    case Gate::Verdict::no_credential:
      parts_.counters.refuse(Refusal::no_credential);
      entrance.refusal = error_response(http::status::unauthorized, protocol::invalid_api_key());
      entrance.refusal->set(http::field::www_authenticate, "Bearer");
      return entrance;
    case Gate::Verdict::wrong_credential:
      parts_.counters.refuse(Refusal::wrong_credential);
      entrance.farewell = farewell(protocol::invalid_api_key(), bad_key);
      return entrance;
    case Gate::Verdict::admitted:
      break;
  }

  if ((entrance.refusal = refuse_for_lack_of_room(request, peer, entrance))) return entrance;

  const engine::ModelInfo& model = parts_.engine.info();
  if (auto fault = fault_of(request, offered, model, parts_.settings.names)) {
    parts_.counters.refuse(Refusal::bad_request);
    entrance.farewell = farewell(*std::move(fault), bad_request);
    return entrance;
  }
  const bool native =
      entrance.subprotocol == native_token || query_value(target_of(request), "native") == "1";
  const bool transcription = query_value(target_of(request), "intent") == "transcription";
  auto begin =
      beginning({.changes = std::move(decision.session), .native = native, .transcription = transcription},
                parts_.settings, model, unix_now());
  if (begin)
    entrance.begin = *std::move(begin);
  else
    entrance.farewell = farewell(std::move(begin.error()), bad_request);
  return entrance;
}

std::optional<Response> Doorkeeper::refuse_page(const Request& request, const Peer& peer) const {
  std::optional<std::string_view> origin;
  if (request.find(http::field::origin) != request.end()) origin = header(request, http::field::origin);
  if (origin_allowed(origin, header(request, http::field::host), peer.tls, parts_.settings.auth.origins))
    return std::nullopt;
  parts_.counters.refuse(Refusal::origin);
  return error_response(
      http::status::forbidden,
      protocol::invalid_value("origin", "Pages of '" + std::string(*origin) +
                                            "' may not connect; the setting auth.origins says which "
                                            "may."));
}

std::optional<Response> Doorkeeper::refuse_for_lack_of_room(const Request& request, const Peer& peer,
                                                            Entrance& entrance) const {
  const auto refuse = [this](Refusal reason, http::status status, protocol::Error error) {
    parts_.counters.refuse(reason);
    return retry_later(status, error, parts_.settings.limits.retry_after);
  };
  if (parts_.draining) {
    return refuse(
        Refusal::draining, http::status::service_unavailable,
        protocol::server_error(protocol::ErrorCode::engine_overloaded, "The server is about to restart."));
  }
  if (!parts_.engine.status().accepting) {
    return refuse(Refusal::no_slot, http::status::service_unavailable,
                  protocol::server_error(protocol::ErrorCode::engine_overloaded,
                                         "All places for conversations are taken; try again soon."));
  }
  Refusal reason = Refusal::server_full;
  auto ticket = parts_.admission.admit(peer.client(request, parts_.settings.limits), reason);
  if (!ticket) {
    if (reason == Refusal::address_full) {
      return refuse(reason, http::status::too_many_requests,
                    protocol::rate_limit_exceeded("sessions at once from one address"));
    }
    return refuse(reason, http::status::service_unavailable,
                  protocol::server_error(protocol::ErrorCode::engine_overloaded,
                                         "The server has as many sessions as it takes; try again soon."));
  }
  entrance.ticket = *std::move(ticket);
  return std::nullopt;
}

}  // namespace parley::server
