#include "test/support/running_server.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace parley::test {

server::ServerSettings test_settings() {
  server::ServerSettings settings;
  settings.listen = "127.0.0.1:0";
  settings.log.access = false;
  settings.engine.measure_at_start = false;
  settings.engine.slots = 64;
  settings.engine.scheduler.max_lead = std::chrono::hours(1);
  return settings;
}

std::shared_ptr<const audio::VoiceActivityNet> voice_activity_net() {
  static const auto net = audio::VoiceActivityNet::load(PARLEY_SOURCE_DIR "/.deps/starter/vad");
  return net;
}

RunningServer::RunningServer(server::ServerSettings settings, Script script, server::PageSource page)
    : server_(std::move(settings),
              {std::make_unique<ScriptedModel>(std::move(script)), voice_activity_net(), std::move(page)}) {
  spdlog::set_level(spdlog::level::warn);
  thread_ = std::jthread([this] { server_.run(); });
}

RunningServer::~RunningServer() { server_.stop(); }

}  // namespace parley::test
