// Tested by test/server/serve/process_test.cpp.
#include "server/serve/serve.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <utility>

namespace parley::server {
namespace {

void log_to_stderr(const LogSettings& settings) {
  auto logger =
      std::make_shared<spdlog::logger>("parley", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(spdlog::level::from_str(settings.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// A session is a descriptor; the usual soft limit of 1024 is for programs that use select().
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::warn("cannot raise the limit of open files");
}

}  // namespace

int serve(ServerSettings settings, ServerParts parts) {
  log_to_stderr(settings.log);
  allow_many_descriptors();
  Server server(std::move(settings), std::move(parts));
  server.on_signals([&server, draining = false](int signal) mutable {
    const char* name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
    if (std::exchange(draining, true)) {
      spdlog::warn("{} again: stopping at once", name);
      return server.stop();
    }
    spdlog::info("{}: finishing what runs", name);
    server.drain();
  });
  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);
  server.run();
  spdlog::info("stopped");
  return 0;
}

}  // namespace parley::server
