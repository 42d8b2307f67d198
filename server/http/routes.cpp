// Tested by test/server/listener/http_test.cpp.
#include "server/http/routes.hpp"

#include <nlohmann/json.hpp>

#include "protocol/realtime/codec.hpp"
#include "server/http/client_secrets.hpp"
#include "server/http/target.hpp"
#include "server/metrics/prometheus.hpp"

namespace parley::server {
namespace {

using nlohmann::json;

bool is_read(const Request& request) {
  return request.method() == http::verb::get || request.method() == http::verb::head;
}

// For pages: nothing but what comes from here, and nobody may frame them. A page may ask for less.
constexpr const char* page_policy =
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; object-src "
    "'none'";

}  // namespace

UnixSeconds unix_now() {
  return std::chrono::duration_cast<UnixSeconds>(std::chrono::system_clock::now().time_since_epoch());
}

std::optional<Credential> credential_of(const Request& request, bool key_in_query) {
  return find_credential({.authorization = header(request, http::field::authorization),
                          .api_key = header(request, "api-key"),
                          .subprotocols = split_tokens(header(request, http::field::sec_websocket_protocol)),
                          .target = target_of(request)},
                         key_in_query);
}

Routes::Routes(Parts parts) : parts_(std::move(parts)), created_(unix_now().count()) {}

Response Routes::answer(const Request& request, bool from_here) const {
  const std::string_view path = path_of(target_of(request));
  if (path == "/v1/realtime/client_secrets") {
    if (request.method() != http::verb::post) return method_not_allowed("POST");
    return client_secret(request);
  }
  if (path.starts_with("/v1/realtime/")) return not_found(path);
  if (!is_read(request)) return method_not_allowed("GET, HEAD");
  if (path == "/healthz") return healthz();
  if (path == "/readyz") return readyz();
  if (path == "/metrics") {
    if (!from_here)
      if (auto refusal = refused(request)) return *std::move(refusal);
    return metrics();
  }
  if (path == "/v1/models" || path.starts_with("/v1/models/")) {
    if (auto refusal = refused(request)) return *std::move(refusal);
    return models(path);
  }
  if (path == "/v1/realtime") {
    Response response = error_response(
        http::status::upgrade_required,
        protocol::invalid_value("upgrade", "This address speaks WebSocket: send an upgrade request."));
    response.set(http::field::upgrade, "websocket");
    return response;
  }
  return page(request);
}

std::optional<Response> Routes::refused(const Request& request) const {
  const auto credential = credential_of(request, parts_.settings.auth.key_in_query);
  const Gate::Verdict verdict = parts_.gate.admit_backend(credential);
  if (verdict == Gate::Verdict::admitted) return std::nullopt;
  parts_.counters.refuse(credential ? Refusal::wrong_credential : Refusal::no_credential);
  Response response = error_response(http::status::unauthorized, protocol::invalid_api_key());
  response.set(http::field::www_authenticate, "Bearer");
  return response;
}

// Alive: what a supervisor restarts the process for when it fails.
Response Routes::healthz() const {
  const bool stuck = parts_.engine.status().stuck;
  Response response = json_response(stuck ? http::status::service_unavailable : http::status::ok,
                                    json{{"status", stuck ? "stuck" : "ok"}}.dump());
  return response;
}

// Ready: what a balancer sends new sessions for.
Response Routes::readyz() const {
  const engine::EngineStatus engine = parts_.engine.status();
  const bool draining = parts_.draining || engine.draining;
  const int sessions = parts_.counters.sessions;
  const bool ready = !draining && engine.accepting && sessions < parts_.settings.limits.sessions;
  const json body{{"status", draining ? "draining"
                             : ready  ? "ready"
                                      : "full"},
                  {"slots", engine.slots},
                  {"slots_held", engine.slots_held},
                  {"turns_running", engine.turns_running},
                  {"load", engine.load},
                  {"sessions", sessions},
                  {"sessions_free", std::max(0, parts_.settings.limits.sessions - sessions)}};
  Response response =
      json_response(ready ? http::status::ok : http::status::service_unavailable, body.dump());
  if (!ready) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(parts_.settings.limits.retry_after).count();
    response.set(http::field::retry_after, std::to_string(seconds));
  }
  return response;
}

Response Routes::metrics() const {
  Response response = text_response(http::status::ok, "text/plain; version=0.0.4; charset=utf-8",
                                    prometheus_text(parts_.engine.status(), parts_.counters));
  response.set(http::field::cache_control, "no-store");
  return response;
}

Response Routes::models(std::string_view path) const {
  const engine::ModelInfo& info = parts_.engine.info();
  json voices = json::array();
  for (const engine::Voice& voice : info.voices) {
    voices.push_back({{"name", voice.name},
                      {"sex", voice.sex},
                      {"age", voice.age},
                      {"pitch", voice.pitch},
                      {"mood", voice.mood}});
  }
  const json model{{"id", info.id},
                   {"object", "model"},
                   {"created", created_},
                   {"owned_by", "parley"},
                   {"voices", std::move(voices)}};
  if (path == "/v1/models")
    return json_response(http::status::ok, json{{"object", "list"}, {"data", {model}}}.dump());
  if (path.substr(std::string_view("/v1/models/").size()) == info.id)
    return json_response(http::status::ok, model.dump());
  return error_response(http::status::not_found,
                        protocol::invalid_model(path.substr(std::string_view("/v1/models/").size())));
}

Response Routes::client_secret(const Request& request) const {
  if (auto refusal = refused(request)) return *std::move(refusal);
  auto asked = decode_client_secret(request.body());
  if (!asked) return error_response(http::status::bad_request, asked.error());
  auto minted = mint_client_secret(*std::move(asked), parts_.settings, parts_.engine.info(),
                                   parts_.gate.ephemeral_keys(), unix_now());
  if (!minted) return error_response(http::status::bad_request, minted.error());
  return json_response(http::status::ok, *std::move(minted));
}

Response Routes::page(const Request& request) const {
  const auto file = parts_.page ? parts_.page(path_of(target_of(request))) : std::nullopt;
  if (!file) return not_found(target_of(request));
  const bool known = header(request, http::field::if_none_match) == file->etag && !file->etag.empty();
  Response response = text_response(known ? http::status::not_modified : http::status::ok, file->content_type,
                                    known ? std::string() : std::string(file->bytes));
  if (!file->etag.empty())
    response.set(http::field::etag, boost::beast::string_view(file->etag.data(), file->etag.size()));
  response.set(http::field::cache_control, "no-cache");  // asked for again each time, by its etag
  response.set("Content-Security-Policy", page_policy);
  response.set("Permissions-Policy", "microphone=(self)");
  response.set("Referrer-Policy", "no-referrer");
  return response;
}

}  // namespace parley::server
