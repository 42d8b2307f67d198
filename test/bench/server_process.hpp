// The server in a process of its own, so that what it costs can be told from what its clients cost.
#pragma once

#include <sys/types.h>

#include "server/settings/server_settings.hpp"
#include "test/support/scripted_model.hpp"

namespace parley::bench {

class ServerProcess {
 public:
  // Forks: before any thread is started.
  ServerProcess(server::ServerSettings settings, test::Script script);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  unsigned short port() const { return port_; }
  pid_t id() const { return id_; }  // also of the thread that serves the sockets

 private:
  pid_t id_ = 0;
  unsigned short port_ = 0;
};

}  // namespace parley::bench
