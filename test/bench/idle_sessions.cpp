// Memory of a session that does nothing: opens many in one server process, and looks at its resident memory.
//
//   idle_sessions [--sessions 5000] [--native]
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

#include "test/bench/raw_session.hpp"
#include "test/bench/server_process.hpp"

using namespace parley;

int main(int argc, char** argv) try {
  CLI::App app("Memory of idle sessions");
  int sessions = 5000;
  bool native = false;
  app.add_option("--sessions", sessions, "at once")->capture_default_str();
  app.add_flag("--native", native, "in native mode");
  CLI11_PARSE(app, argc, argv);

  spdlog::set_level(spdlog::level::warn);
  server::ServerSettings settings;
  settings.listen = "127.0.0.1:0";
  settings.log.access = false;
  settings.engine.measure_at_start = false;
  settings.limits.sessions = settings.limits.connections = sessions + 100;
  bench::ServerProcess server(settings, {});
  const std::string target = native ? "/v1/realtime?native=1" : "/v1/realtime";

  std::vector<bench::RawSession> clients;
  clients.reserve(static_cast<std::size_t>(sessions) + 1);
  clients.emplace_back(server.port(), target);  // what the first one alone brings is not a session's
  const std::size_t before = bench::resident_bytes(server.id());
  const double cpu_before = bench::cpu_seconds(server.id(), server.id());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < sessions; ++i) clients.emplace_back(server.port(), target);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double cpu = bench::cpu_seconds(server.id(), server.id()) - cpu_before;
  const std::size_t after = bench::resident_bytes(server.id());

  const double idle_before = bench::cpu_seconds(server.id(), server.id());
  std::this_thread::sleep_for(std::chrono::seconds(5));
  const double idle_cpu = bench::cpu_seconds(server.id(), server.id()) - idle_before;
  std::printf("%d idle sessions%s: %.1f KiB each (server %.1f -> %.1f MiB)\n", sessions,
              native ? ", native" : "", static_cast<double>(after - before) / 1024 / sessions,
              static_cast<double>(before) / 1048576, static_cast<double>(after) / 1048576);
  std::printf(
      "opened in %.2f s, %.0f us of the server's processor each; idle they take %.2f %% of a processor\n",
      took.count(), cpu * 1e6 / sessions, idle_cpu * 100 / 5);
} catch (const std::exception& error) {
  std::fprintf(stderr, "idle_sessions: %s\n", error.what());
  return 1;
}
