// The real server on a model without weights, for whoever works on a client: the page, the load client, the
// tests of SDKs. It answers speech and text alike with some seconds of sound and the words that go with it.
//
//   scripted_server --listen 127.0.0.1:0 [--set key=value]... [--decode-ms 2]
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.hpp"
#include "server/serve/serve.hpp"
#include "server/settings/register.hpp"
#include "server/web/web_files.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley;

namespace {

test::Script script(int decode_ms) {
  test::Script script;
  script.info.id = "scripted";
  script.answer = [](const engine::TurnRequest&, const std::string& said) {
    return "You said " + said +
           " and I have listened to every bit of it. Now I count: one, two, three, four, five, six, seven, "
           "eight, "
           "nine, ten.";
  };
  script.transcript = [](std::span<const float> pcm) {
    return pcm.empty() ? std::string() : std::to_string(pcm.size() / 16) + " milliseconds of speech";
  };
  script.before_pass = [decode_ms](engine::WorkKind, int, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(decode_ms));
  };
  return script;
}

std::optional<server::PageFile> page(std::string_view path) {
  const web::WebFile* file = web::find(path);
  if (file == nullptr) return std::nullopt;
  return server::PageFile{file->content_type, file->bytes, file->etag};
}

}  // namespace

int main(int argc, char** argv) try {
  server::ServerSettings settings;
  settings.engine.measure_at_start = false;
  settings.engine.slots = 64;
  config::Settings keys;
  server::register_settings(keys, settings);

  CLI::App app("The real server on a scripted model");
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> assignments;
  int decode_ms = 2;
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--set", assignments, "key=value");
  app.add_option("--decode-ms", decode_ms, "how long a pass of the model takes")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  keys.set("listen=" + listen);
  for (const std::string& assignment : assignments) keys.set(assignment);

  auto net = audio::VoiceActivityNet::load(PARLEY_SOURCE_DIR "/.deps/starter/vad");
  return server::serve(settings,
                       {std::make_unique<test::ScriptedModel>(script(decode_ms)), std::move(net), page});
} catch (const std::exception& error) {
  std::fprintf(stderr, "scripted_server: %s\n", error.what());
  return 1;
}
