// Processor time of a session that talks: Opus packets of 20 ms both ways at the pace of a call, on a
// scripted model, so that what is measured is sockets, codecs, voice detection and the conversation.
//
//   native_sessions [--sessions 20] [--seconds 10] [--quiet]
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "protocol/native/frame.hpp"
#include "protocol/opus/encoder.hpp"
#include "test/bench/raw_session.hpp"
#include "test/bench/server_process.hpp"

using namespace parley;

namespace {

// A second of a quiet room, as a browser encodes it.
std::vector<protocol::Bytes> microphone() {
  protocol::opus::Encoder encoder({.sample_rate_hz = 48000, .bitrate = 24000});
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0, 60);
  std::vector<protocol::Bytes> packets;
  for (int i = 0; i < 50; ++i) {
    std::vector<std::int16_t> pcm(960);
    for (auto& sample : pcm) sample = static_cast<std::int16_t>(noise(random));
    packets.push_back(encoder.encode(pcm));
  }
  return packets;
}

std::string framed(const protocol::Bytes& payload, std::uint32_t number) {
  const auto bytes = protocol::native::encode_frame({.kind = protocol::native::input_kind,
                                                     .start = number == 0,
                                                     .seq = static_cast<std::uint16_t>(number),
                                                     .timestamp = number * 960,
                                                     .payload = payload});
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

test::Script long_answers() {
  test::Script script;
  script.answer = [](const engine::TurnRequest&, const std::string&) {
    std::string words;
    for (int i = 0; i < 3000; ++i) words += "word ";
    return words;
  };
  return script;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Processor time of native sessions");
  int sessions = 20, seconds = 10;
  bool quiet = false;
  app.add_option("--sessions", sessions, "at once")->capture_default_str();
  app.add_option("--seconds", seconds, "of talk")->capture_default_str();
  app.add_flag("--quiet", quiet, "the user alone is heard: no answers");
  CLI11_PARSE(app, argc, argv);

  spdlog::set_level(spdlog::level::warn);
  server::ServerSettings settings;
  settings.listen = "127.0.0.1:0";
  settings.log.access = false;
  settings.engine.measure_at_start = false;
  settings.engine.slots = sessions + 1;
  settings.limits.sessions = settings.limits.connections = sessions + 100;
  bench::ServerProcess server(settings, long_answers());
  const auto packets = microphone();

  std::vector<bench::RawSession> clients;
  for (int i = 0; i < sessions; ++i) {
    clients.emplace_back(server.port(), "/v1/realtime?native=1");
    if (quiet) continue;
    clients.back().send_text(
        R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"talk"}]}})");
    clients.back().send_text(R"({"type":"response.create"})");
  }
  using Clock = std::chrono::steady_clock;
  auto next = Clock::now();
  std::uint32_t number = 0;
  const auto talk = [&](int ticks) {
    std::size_t received = 0;
    for (int tick = 0; tick < ticks; ++tick, ++number) {
      next += std::chrono::milliseconds(20);
      std::this_thread::sleep_until(next);
      for (auto& client : clients) {
        client.send_binary(framed(packets[number % packets.size()], number));
        received += static_cast<std::size_t>(client.drain().packets);
      }
    }
    return received;
  };
  talk(100);  // the lead of the answers has been sent by then
  const double before = bench::cpu_seconds(server.id(), server.id());
  const std::size_t received = talk(50 * seconds);
  const double cpu = bench::cpu_seconds(server.id(), server.id()) - before;
  const double session_seconds = static_cast<double>(sessions) * seconds;
  std::printf(
      "%d native sessions%s: %.2f ms of processor for a second of a session, %.0f packets a second to each\n",
      sessions, quiet ? ", listening" : "", cpu * 1000 / session_seconds,
      static_cast<double>(received) / session_seconds);
} catch (const std::exception& error) {
  std::fprintf(stderr, "native_sessions: %s\n", error.what());
  return 1;
}
