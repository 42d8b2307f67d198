// A whole server on a scripted model, on a free port and a thread of its own.
#pragma once

#include <memory>
#include <thread>

#include "server/serve/server.hpp"
#include "test/support/scripted_model.hpp"

namespace parley::test {

// Settings for tests: a free port, no rehearsal, answers made as fast as they can be.
server::ServerSettings test_settings();

std::shared_ptr<const audio::VoiceActivityNet> voice_activity_net();

class RunningServer {
 public:
  explicit RunningServer(server::ServerSettings settings = test_settings(), Script script = {},
                         server::PageSource page = {});
  ~RunningServer();  // at once
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  unsigned short port() const { return server_.port(); }
  server::Server& operator*() { return server_; }
  server::Server* operator->() { return &server_; }
  void join() { thread_.join(); }  // after drain(): returns when the server has ended by itself

  // Waits until `done` holds, looking again and again; false when it does not in half a minute.
  template <typename Predicate>
  static bool eventually(Predicate done) {
    for (int i = 0; i < 30'000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

 private:
  server::Server server_;
  std::jthread thread_;
};

}  // namespace parley::test
