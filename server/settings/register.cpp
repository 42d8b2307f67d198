// Tested by test/server/settings/settings_test.cpp.
#include "server/settings/register.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace parley::server {
namespace {

using config::Settings;

constexpr double hour_ms = 3'600'000;
constexpr double mebi = 1024.0 * 1024;

void register_auth(Settings& settings, AuthSettings& auth) {
  settings.add("auth.keys", auth.keys,
               "API keys that may open sessions; none: any credential or none will do, on loopback");
  settings.add("auth.open", auth.open, "listen beyond loopback although there are no keys");
  settings.add("auth.origins", auth.origins,
               "web pages that may connect besides the server's own, as scheme://host[:port]");
  settings.add("auth.key_in_query", auth.key_in_query,
               "accept a key as ?api_key= (it ends up in logs of proxies)");
  settings.add("auth.signing_secret", auth.signing_secret,
               "signs ephemeral keys, so that several servers accept each other's; empty: made at start");
}

void register_tls(Settings& settings, TlsSettings& tls) {
  settings.add(
      "tls.certificate", tls.certificate,
      "PEM chain; with it the listener speaks TLS. For a test: openssl req -x509 -newkey rsa:2048 -nodes "
      "-days 30 -subj /CN=localhost -keyout key.pem -out cert.pem");
  settings.add("tls.private_key", tls.private_key, "PEM key of the certificate");
}

void register_limits(Settings& settings, LimitSettings& limits) {
  settings.add("limits.header_bytes", limits.header_bytes, {1024, mebi}, "of an HTTP request's header");
  settings.add("limits.body_bytes", limits.body_bytes, {1024, 16 * mebi}, "of an HTTP request's body");
  settings.add("limits.message_bytes", limits.message_bytes, {1024, 64 * mebi}, "of one WebSocket message");
  settings.add("limits.handshake_ms", limits.handshake, {10, hour_ms}, "for TLS and one HTTP request");
  settings.add("limits.keep_alive_ms", limits.keep_alive, {10, hour_ms},
               "between the HTTP requests of a connection");
  settings.add("limits.idle_ms", limits.idle, {10, hour_ms},
               "without a sign of life from a session's client; it is pinged after half of it");
  settings.add("limits.close_ms", limits.close, {10, 60'000}, "for the closing handshake of a session");
  settings.add("limits.sessions", limits.sessions, {1, 1'000'000}, "at once");
  settings.add("limits.sessions_per_address", limits.sessions_per_address, {1, 1'000'000},
               "at once from one client address");
  settings.add("limits.connections", limits.connections, {1, 1'000'000},
               "sockets at once, sessions included");
  settings.add("limits.retry_after_ms", limits.retry_after, {0, hour_ms}, "told to whom is refused");
  settings.add("limits.proxies", limits.proxies, "addresses of proxies whose X-Forwarded-For is believed");
  settings.add("limits.unlimited_addresses", limits.unlimited_addresses,
               "addresses that limits.sessions_per_address does not hold for");
  settings.add("limits.text_messages_per_s", limits.text_messages_per_s, {1, 1e6},
               "from one session; beyond it, the next is read later");
  settings.add("limits.binary_messages_per_s", limits.binary_messages_per_s, {1, 1e6},
               "the same for binary messages");
  settings.add("limits.bytes_per_s", limits.bytes_per_s, {1024, 1e10}, "the same for bytes");
  settings.add("limits.bytes_burst", limits.bytes_burst, {1024, 1024 * mebi}, "bytes that may come at once");
  settings.add("limits.audio_speed", limits.audio_speed, {1, 1000},
               "how much faster than real time audio may come");
  settings.add("limits.audio_burst_ms", limits.audio_burst, {1000, hour_ms}, "audio that may come at once");
  settings.add("limits.outgoing_bytes", limits.outgoing_bytes, {1024, 1024 * mebi},
               "queued for a client before its session pauses");
  settings.add("limits.event_bytes", limits.event_bytes, {1024, 1024 * mebi},
               "that the engine may be ahead of a session that pauses");
  settings.add("limits.slow_consumer_ms", limits.slow_consumer, {10, hour_ms},
               "a write without progress for so long ends the session");
  settings.add("limits.unwanted_binary", limits.unwanted_binary, {1, 1'000'000},
               "binary messages outside native mode that end the session");
  settings.add("limits.bad_packets_in_a_row", limits.bad_packets_in_a_row, {1, 1'000'000},
               "audio packets without sense that end the session");
  settings.add("limits.native_stats_ms", limits.native_stats, {10, hour_ms},
               "between native.input.stats events");
}

void register_session(Settings& settings, SessionDefaults& session, NameSettings& names) {
  settings.add("session.instructions", session.instructions, "what a session's model is told by default");
  settings.add("session.voice", session.voice, "the default voice; empty: the model's first");
  settings.add("session.transcription", session.transcription,
               "tell what the user said without being asked to");
  settings.add("names.strict_models", names.strict_models,
               "refuse unknown model names instead of using the one there is");
  settings.add("names.model_aliases", names.model_aliases, "model names that mean ours; may end in *");
  settings.add("names.voice_aliases", names.voice_aliases,
               "voice names and the voices of ours that they mean");
}

void register_model(Settings& settings, ModelSettings& model) {
  settings.add("model.bundle", model.bundle,
               "the bundle to load: a folder, or a name that `parley models` lists");
  settings.add("model.device", model.options.device, "\"cpu\", \"cuda\" or \"cuda:1\"");
  settings.add("model.threads", model.options.threads, {0, 1024},
               "of the CPU kernels; 0: as many as there are cores");
  settings.add("model.language", model.options.language, "of the users' speech, ISO 639-1; empty: detected");
  settings.add(
      "model.context_tokens", model.options.context_tokens, {0, 1'000'000},
      "longest conversation that is read, in tokens, each of which takes memory; 0: what suits the model");
  settings.add("model.liveliness", model.options.liveliness, {0, 2},
               "of the voice's intonation; 0 is monotone");
  settings.add("model.dtype", model.options.dtype,
               "of the language model: float32, bfloat16, float16 or int8; empty: as the bundle stores it");
  settings.add("model.first_chunk_tokens", model.options.first_chunk_tokens, {4, 1000},
               "audio tokens of 40 ms that an answer's first sound waits for (Step-Audio 2)");
  settings.add("model.chunk_tokens", model.options.chunk_tokens, {4, 1000},
               "the same for later sounds: longer ones cost less");
  settings.add("model.cuda_graphs", model.options.cuda_graphs,
               "on a GPU, capture decode and flow steps once for each size and replay them (Step-Audio 2)");
  settings.add("model.speed", model.options.speed, {0.25, 4},
               "of the voice; multiplies what a session asks for");
}

void register_engine(Settings& settings, engine::EngineSettings& engine) {
  engine::SchedulerSettings& scheduler = engine.scheduler;
  settings.add("engine.first_audio_goal_ms", scheduler.first_audio_goal, {1, 60'000},
               "from the end of the user's turn to the first sound");
  settings.add("engine.text_goal_ms", scheduler.text_goal, {1, 60'000}, "the same for answers without sound");
  settings.add("engine.target_lead_ms", scheduler.target_lead, {1, 600'000},
               "with less audio ahead of the listener a response is hungry");
  settings.add("engine.max_lead_ms", scheduler.max_lead, {1, 600'000}, "with more it is left alone");
  settings.add("engine.step_budget_ms", scheduler.step_budget, {1, 10'000},
               "longest step while others speak");
  settings.add("engine.chunk_lead_ms", scheduler.chunk_lead, {0, 600'000},
               "with less, a chunk is rendered as soon as it can be");
  settings.add("engine.min_piece", scheduler.min_piece, {1, 4096},
               "tokens of the smallest piece of a prefill");
  settings.add("engine.no_speculation_load", scheduler.no_speculation_load, {0, 1},
               "load that stops speculation");
  settings.add("engine.large_chunks_load", scheduler.large_chunks_load, {0, 1},
               "load that makes chunks large");
  settings.add("engine.skip_steps_load", scheduler.skip_steps_load, {0, 1},
               "load at which responses with the largest lead skip steps");
  settings.add("engine.refuse_load", scheduler.refuse_load, {0, 1}, "load at which sessions are refused");
  settings.add("engine.slots", engine.slots, {0, 100'000},
               "conversations with state on the device at once; 0: as many as were measured");
  settings.add("engine.measure_at_start", engine.measure_at_start,
               "learn what steps cost before the first caller");
  settings.add("engine.measure_time_ms", engine.measure_time, {1, 60'000}, "how long that may take");
  settings.add("engine.mailbox_capacity", engine.mailbox_capacity, {16, 1e7},
               "commands that may wait for the engine");
  settings.add("engine.stuck_after_ms", engine.stuck_after, {10, hour_ms},
               "a step that takes longer means that the device hangs: /healthz fails");
}

void register_conversation(Settings& settings, conversation::ConversationSettings& talk) {
  settings.add("conversation.speculate", talk.speculate, "start answers on trial at short pauses");
  settings.add("conversation.speculation_silence_ms", talk.speculation_silence, {1, 60'000}, "such a pause");
  settings.add("conversation.semantic_silence_ms", talk.semantic_silence, {1, 60'000},
               "semantic_vad: silence that ends a finished sentence");
  settings.add("conversation.transcript_wait_ms", talk.transcript_wait, {1, 60'000},
               "semantic_vad: how long to wait to be told whether it is one");
  settings.add("conversation.eagerness_low_ms", talk.eagerness_low, {1, 60'000},
               "silence that ends an unfinished one");
  settings.add("conversation.eagerness_medium_ms", talk.eagerness_medium, {1, 60'000}, "the same");
  settings.add("conversation.eagerness_high_ms", talk.eagerness_high, {1, 60'000}, "the same");
  settings.add("conversation.flush_answer_ms", talk.flush_answer, {1, 60'000},
               "for native.playback.flushed, before the position is estimated");
  settings.add("conversation.truncate_tolerance_ms", talk.truncate_tolerance, {0, 60'000},
               "that a client may truncate beyond what was sent");
  settings.add("conversation.transcription_grace_ms", talk.transcription_grace, {0, 60'000},
               "a committed item waits so long for a response that would transcribe it");
  settings.add("conversation.response_limit_ms", talk.response_limit, {100, 24 * hour_ms},
               "a response may take this, plus the length of what it says");
  settings.add("conversation.session_limit_ms", talk.session_limit, {100, 240 * hour_ms},
               "of a session's length");
  settings.add("conversation.drain_limit_ms", talk.drain_limit, {1, hour_ms},
               "after SIGTERM, for the running response");
  settings.add("conversation.items", talk.items, {2, 1e6}, "of a conversation; the oldest go first");
  settings.add("conversation.out_of_band_responses", talk.out_of_band_responses, {0, 1000}, "at once");
  settings.add("conversation.errors", talk.errors, {1, 1e6},
               "in conversation.error_window_ms, and the session ends");
  settings.add("conversation.error_window_ms", talk.error_window, {1, hour_ms}, "see conversation.errors");
}

}  // namespace

void register_settings(Settings& settings, ServerSettings& server) {
  settings.add("listen", server.listen, "HOST:PORT to listen on; port 0 takes a free one");
  settings.add("threads", server.threads, {1, 64}, "for sockets and codecs");
  settings.add("drain_ms", server.drain, {1, hour_ms},
               "after SIGTERM: sessions that are not over by then are cut");
  register_auth(settings, server.auth);
  register_tls(settings, server.tls);
  register_limits(settings, server.limits);
  register_session(settings, server.session, server.names);
  register_model(settings, server.model);
  register_engine(settings, server.engine);
  register_conversation(settings, server.conversation);
  settings.add("log.level", server.log.level, {"trace", "debug", "info", "warning", "error"},
               "least that is logged");
  settings.add("log.access", server.log.access, "log a line for each request");
}

bool ListenAddress::loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

ListenAddress parse_listen(const std::string& listen) {
  const auto wrong = [&listen] {
    return std::runtime_error(
        "expected HOST:PORT to listen on, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080, "
        "got '" +
        listen + "'");
  };
  const std::size_t colon = listen.rfind(':');
  std::string host = colon == std::string::npos ? "127.0.0.1" : listen.substr(0, colon);
  const std::string port = colon == std::string::npos ? listen : listen.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    throw wrong();
  }
  ListenAddress address{std::move(host), 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size() || address.host.empty()) throw wrong();
  return address;
}

void check(const ServerSettings& server) {
  const ListenAddress address = parse_listen(server.listen);
  if (!address.loopback() && server.auth.keys.empty() && !server.auth.open) {
    throw std::runtime_error(
        "listening on " + server.listen +
        " would let anyone in: set auth.keys, or auth.open=true if that is what is meant");
  }
  if (std::any_of(server.auth.keys.begin(), server.auth.keys.end(),
                  [](const auto& key) { return key.empty(); }))
    throw std::runtime_error("auth.keys has an empty key");
  if (server.tls.certificate.empty() != server.tls.private_key.empty())
    throw std::runtime_error("tls.certificate and tls.private_key go together: only one of them is set");
}

}  // namespace parley::server
