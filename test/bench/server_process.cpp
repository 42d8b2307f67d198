#include "test/bench/server_process.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "server/serve/server.hpp"

namespace parley::bench {

ServerProcess::ServerProcess(server::ServerSettings settings, test::Script script) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  int ready[2];
  if (::pipe(ready) != 0) throw std::runtime_error("no pipe");
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("cannot fork");
  if (id_ == 0) {
    ::close(ready[0]);
    try {
      auto net = audio::VoiceActivityNet::load(PARLEY_SOURCE_DIR "/.deps/starter/vad");
      server::Server server(std::move(settings),
                            {std::make_unique<test::ScriptedModel>(std::move(script)), std::move(net)});
      const unsigned short port = server.port();
      if (::write(ready[1], &port, sizeof(port)) == sizeof(port)) server.run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(1);
  }
  ::close(ready[1]);
  const auto size = ::read(ready[0], &port_, sizeof(port_));
  ::close(ready[0]);
  if (size != sizeof(port_)) throw std::runtime_error("the server did not start");
}

ServerProcess::~ServerProcess() {
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
}

}  // namespace parley::bench
