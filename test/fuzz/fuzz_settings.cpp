// Any lines as settings of every kind: each one is refused with a sentence or leaves all values within what
// they are described to be, and what values() tells can be loaded again.
//
// A line that begins with '{' is a settings file, any other one an assignment from the command line.
#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>

#include "config/settings.hpp"
#include "test/fuzz/memory_file.hpp"

namespace {

using namespace parley;
using fuzz::require;
using nlohmann::json;

// A field of each kind, sections of two levels, and names that are alike.
struct Fields {
  bool open = false;
  std::string name = "default";
  std::string device = "cpu";
  std::vector<std::string> keys;
  std::map<std::string, std::string> aliases{{"gpt-realtime", "starter"}};
  std::filesystem::path model = "starter";
  int threads = 1;
  std::uint16_t port = 8080;
  std::int64_t bytes = 1 << 20;
  double threshold = 0.5;
  float top_p = 1.0F;
  std::chrono::milliseconds idle{40'000};
  std::chrono::seconds session{3600};

  void add_to(config::Settings& settings) {
    settings.add("auth.open", open, "whether anyone may come");
    settings.add("name", name, "what the server calls itself");
    settings.add("engine.device", device, {"cpu", "cuda"}, "where the model runs");
    settings.add("auth.keys", keys, "who may come");
    settings.add("aliases", aliases, "foreign names of models");
    settings.add("engine.model", model, "the bundle");
    settings.add("engine.threads", threads, {1, 64}, "threads of the model");
    settings.add("port", port, {0, 65535}, "the port");
    settings.add("limits.message.bytes", bytes, {0, 9.0e15}, "largest message");
    settings.add("vad.threshold", threshold, {0, 1}, "what counts as speech");
    settings.add("sampling.top_p", top_p, {0, 1}, "the likeliest tokens");
    settings.add("limits.idle_ms", idle, {100, 3'600'000}, "without a sign of life");
    settings.add("limits.session_s", session, {1, 86'400}, "length of a session");
  }
  void check() const {
    require(device == "cpu" || device == "cuda", "a choice is one of its choices");
    require(threads >= 1 && threads <= 64, "a whole number stays in its range");
    require(bytes >= 0 && bytes <= 9'000'000'000'000'000, "a large number stays in its range");
    require(threshold >= 0 && threshold <= 1 && top_p >= 0 && top_p <= 1, "a fraction stays in its range");
    require(idle.count() >= 100 && idle.count() <= 3'600'000, "a duration stays in its range");
    require(session.count() >= 1 && session.count() <= 86'400, "a duration stays in its range");
  }
};

void take(config::Settings& settings, std::string_view line) {
  try {
    if (line.starts_with('{')) {
      const fuzz::MemoryFile file({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
      settings.load(file.path());
    } else {
      settings.set(line);
    }
  } catch (const std::runtime_error& error) {
    require(*error.what() != '\0', "what does not fit is refused with a sentence");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Fields fields;
  config::Settings settings;
  fields.add_to(settings);

  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    take(settings, rest.substr(0, end));
    fields.check();
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }

  const json values = settings.values();
  require(settings.describe().size() == 13, "every setting is described");
  Fields copies;
  config::Settings copy;
  copies.add_to(copy);
  copy.load(values, "the values");  // whatever was taken is taken again
  require(copy.values() == values, "values that were loaded are those that were told");
  return 0;
}
