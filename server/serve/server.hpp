// The server as a whole: a model's engine behind a listener.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/audio/voice_activity.hpp"
#include "engine/speech_model.hpp"
#include "engine/status.hpp"
#include "server/http/page.hpp"
#include "server/metrics/counters.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

struct ServerParts {
  std::unique_ptr<engine::SpeechModel> model;
  std::shared_ptr<const audio::VoiceActivityNet> voice_activity;
  PageSource page = {};  // empty: no page
};

class Server {
 public:
  // Listens already: who connects is served once run() is called. Throws std::runtime_error with a sentence
  // for the operator: settings that do not go together, an address that is taken, a certificate that cannot
  // be read.
  Server(ServerSettings settings, ServerParts parts);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url() const;  // http://127.0.0.1:8080, with the port that was taken
  unsigned short port() const;

  void run();  // on this thread and as many more as the settings say; returns after drain() or stop()

  // From any thread: no new sessions, running responses finish, within ServerSettings::drain.
  void drain();
  void stop();  // from any thread: at once
  // Calls `act` on SIGTERM and SIGINT.
  void on_signals(std::function<void(int signal)> act);

  engine::EngineStatus engine_status() const;
  const Counters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::server
