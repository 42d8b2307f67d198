// Tested by test/server/serve/ and test/server/listener/.
#include "server/serve/server.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "server/listener/listener.hpp"
#include "server/session/names.hpp"
#include "server/settings/register.hpp"

namespace parley::server {
namespace {

ServerSettings checked(ServerSettings settings) {
  check(settings);
  return settings;
}

// What the conversations learn of the model that answers them.
ServerSettings introduced(ServerSettings settings, const engine::ModelInfo& model) {
  settings.conversation.recognizes_first = model.recognizes_first;
  settings.conversation.local_voice =
      [model, names = settings.names, fallback = default_voice(model, settings.session)](
          std::string_view asked) { return local_voice(asked, model, names, fallback); };
  return settings;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerSettings settings, ServerParts parts)
      : engine_(std::move(parts.model), settings.engine),
        settings_(introduced(std::move(settings), engine_.info())),
        house_(settings_, engine_, std::move(parts.voice_activity), std::move(parts.page)),
        context_(settings_.threads),
        listener_(context_, house_),
        strand_(net::make_strand(context_)),
        signals_(strand_),
        drain_timer_(strand_) {
    listener_.start();
  }

  const Listener& listener() const { return listener_; }
  const engine::Engine& engine() const { return engine_; }
  const Counters& counters() const { return house_.counters; }

  void run() {
    std::vector<std::jthread> others;
    for (int i = 1; i < settings_.threads; ++i) others.emplace_back([this] { context_.run(); });
    context_.run();
  }

  void drain() {
    net::post(strand_, [this] {
      if (std::exchange(draining_, true)) return;
      drain_timer_.expires_after(settings_.drain);
      drain_timer_.async_wait([this](error_code cancelled) {
        if (cancelled) return;
        spdlog::warn("some sessions did not end in time");
        context_.stop();
      });
      listener_.drain([this] { context_.stop(); });
    });
  }

  void stop() { context_.stop(); }

  void on_signals(std::function<void(int)> act) {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    wait_for_signal(std::move(act));
  }

 private:
  void wait_for_signal(std::function<void(int)> act) {
    signals_.async_wait([this, act = std::move(act)](error_code cancelled, int signal) mutable {
      if (cancelled) return;
      act(signal);
      wait_for_signal(std::move(act));
    });
  }

  engine::Engine engine_;  // outlives the sessions, which close their dialogues as they go
  const ServerSettings settings_;
  House house_;
  net::io_context context_;
  Listener listener_;
  net::any_io_executor strand_;
  net::signal_set signals_;
  net::steady_timer drain_timer_;
  bool draining_ = false;  // on strand_
};

Server::Server(ServerSettings settings, ServerParts parts)
    : impl_(std::make_unique<Impl>(checked(std::move(settings)), std::move(parts))) {}
Server::~Server() = default;

std::string Server::url() const { return impl_->listener().url(); }
unsigned short Server::port() const { return impl_->listener().port(); }
void Server::run() { impl_->run(); }
void Server::drain() { impl_->drain(); }
void Server::stop() { impl_->stop(); }
void Server::on_signals(std::function<void(int signal)> act) { impl_->on_signals(std::move(act)); }
engine::EngineStatus Server::engine_status() const { return impl_->engine().status(); }
const Counters& Server::counters() const { return impl_->counters(); }

}  // namespace parley::server
