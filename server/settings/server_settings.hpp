// What can be chosen about the server: plain structs, defaults beside the fields. register.hpp gives them
// their keys; docs: README, "Settings".
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/engine_settings.hpp"
#include "engine/models/load_model.hpp"
#include "server/conversation/settings.hpp"

namespace parley::server {

using std::chrono::milliseconds;

// Who may open a session (protocol.md 1.2, 12.3, 12.4).
struct AuthSettings {
  std::vector<std::string> keys;     // none: any credential or none is accepted
  bool open = false;                 // needed to listen beyond loopback without keys
  std::vector<std::string> origins;  // scheme://host[:port] of web pages that may connect, besides our own
  bool key_in_query = false;         // accept ?api_key=
  std::string signing_secret;        // of ephemeral keys; "": made at start, so they end with the process
};

struct TlsSettings {
  std::filesystem::path certificate;  // PEM chain; "": plain HTTP
  std::filesystem::path private_key;  // PEM
};

// protocol.md 12.1.
struct LimitSettings {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 64 * 1024;
  std::size_t message_bytes = 4 * 1024 * 1024;  // of one WebSocket message
  milliseconds handshake{10'000};               // TLS and one HTTP request; also a WebSocket close
  milliseconds keep_alive{15'000};              // between HTTP requests
  milliseconds idle{40'000};                    // pinged after half of it, gone after all of it
  milliseconds close{2'000};                    // for the closing handshake before the socket is closed

  int sessions = 6000;               // at once
  int sessions_per_address = 8;      // of one client address
  int connections = 8000;            // sockets, sessions included
  milliseconds retry_after{2'000};   // told to whom is refused
  std::vector<std::string> proxies;  // addresses whose X-Forwarded-For is believed
  std::vector<std::string> unlimited_addresses{"127.0.0.1", "::1"};  // not held to sessions_per_address

  // Each is a bucket; when it is empty, the next message is read later.
  double text_messages_per_s = 200;
  double binary_messages_per_s = 120;
  double bytes_per_s = 1024 * 1024;
  std::size_t bytes_burst = 16 * 1024 * 1024;
  double audio_speed = 4;             // audio may come this much faster than real time
  milliseconds audio_burst{120'000};  // after so much at once

  std::size_t outgoing_bytes = 1024 * 1024;   // queued for a client before its session pauses
  std::size_t event_bytes = 8 * 1024 * 1024;  // that the engine may be ahead of a paused session
  milliseconds slow_consumer{10'000};         // a write that makes no progress for so long ends the session

  int unwanted_binary = 20;  // binary messages outside native mode
  int bad_packets_in_a_row = 100;
  milliseconds native_stats{10'000};  // between native.input.stats
};

// What a session has before its client asks for anything else.
struct SessionDefaults {
  std::string instructions =
      "You are a friendly voice assistant. Answer in one or two short sentences, in plain spoken language "
      "without lists or symbols.";
  std::string voice;           // "": the model's first
  bool transcription = false;  // input transcripts without being asked
};

// Foreign names of models and voices, and ours for them (protocol.md 3.3). An entry may end in '*'.
struct NameSettings {
  bool strict_models = false;  // an unknown model is refused rather than replaced by ours
  std::vector<std::string> model_aliases{
      "gpt-realtime*",      "gpt-4o-realtime-preview*", "gpt-4o-mini-realtime-preview*",
      "gpt-4o-transcribe*", "gpt-4o-mini-transcribe*",  "whisper-1"};
  std::map<std::string, std::string> voice_aliases;  // "": the default voice for all unknown names
};

struct ModelSettings {
  std::string bundle = "starter";  // a folder, or the name of one that `parley models` lists
  models::ModelOptions options;
};

struct LogSettings {
  std::string level = "info";
  bool access = true;  // a line for each request
};

struct ServerSettings {
  std::string listen = "127.0.0.1:8080";
  int threads = 1;  // for sockets and codecs
  AuthSettings auth;
  TlsSettings tls;
  LimitSettings limits;
  SessionDefaults session;
  NameSettings names;
  ModelSettings model;
  engine::EngineSettings engine;
  conversation::ConversationSettings conversation;
  LogSettings log;
  milliseconds drain{12'000};  // after SIGTERM: sessions that are not over by then are cut
};

}  // namespace parley::server
