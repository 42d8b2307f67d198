#include "config/settings.hpp"

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using nlohmann::json;

namespace {

struct Fields {
  std::string listen = "127.0.0.1:8080";
  int threads = 1;
  double top_p = 0.9;
  bool open = false;
  std::chrono::milliseconds idle{40'000};
  std::string level = "info";
  std::vector<std::string> keys;
  std::map<std::string, std::string> voices;
};

config::Settings bound_to(Fields& fields) {
  config::Settings settings;
  settings.add("listen", fields.listen, "where to listen");
  settings.add("threads", fields.threads, {1, 64}, "threads");
  settings.add("sampling.top_p", fields.top_p, {0.0, 1.0}, "nucleus");
  settings.add("auth.open", fields.open, "no key needed");
  settings.add("auth.keys", fields.keys, "keys");
  settings.add("limits.idle_ms", fields.idle, {100, 3'600'000}, "idle");
  settings.add("log.level", fields.level, {"info", "debug"}, "how much is logged");
  settings.add("aliases.voices", fields.voices, "names of voices");
  return settings;
}

}  // namespace

TEST_CASE("settings come from sections of a file and later values win", "[config]") {
  Fields fields;
  config::Settings settings = bound_to(fields);
  settings.load(json::parse(R"({"threads": 2, "auth": {"open": true, "keys": ["a", "b"]},
                                "limits": {"idle_ms": 500}, "aliases": {"voices": {"ash": "deep"}}})"),
                "file");
  settings.set("threads=3");
  settings.set("sampling.top_p=0.5");
  CHECK(fields.threads == 3);
  CHECK(fields.open);
  CHECK(fields.keys == std::vector<std::string>{"a", "b"});
  CHECK(fields.idle == std::chrono::milliseconds(500));
  CHECK(fields.voices.at("ash") == "deep");
  CHECK(fields.top_p == 0.5);
  CHECK(fields.listen == "127.0.0.1:8080");
}

TEST_CASE("a value on the command line needs no quotes to be a string", "[config]") {
  Fields fields;
  config::Settings settings = bound_to(fields);
  settings.set("listen=0.0.0.0:80");
  CHECK(fields.listen == "0.0.0.0:80");
  settings.set("listen=8080");
  CHECK(fields.listen == "8080");
  settings.set("log.level=debug");
  CHECK(fields.level == "debug");
  settings.set("auth.keys=[\"k\"]");
  CHECK(fields.keys == std::vector<std::string>{"k"});
}

TEST_CASE("an unknown key and a bad value name the key, what was expected and what came", "[config]") {
  Fields fields;
  config::Settings settings = bound_to(fields);
  auto complaint = [&](const char* text) -> std::string {
    try {
      settings.load(json::parse(text), "my.json");
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "none";
  };
  CHECK(complaint(R"({"thread": 2})") == "my.json: there is no setting 'thread'; is 'threads' meant?");
  CHECK(complaint(R"({"auth": {"x": 2}})") == "my.json: there is no setting 'auth.x'");
  CHECK(complaint(R"({"threads": 0})") ==
        "my.json: setting 'threads' expects a whole number from 1 to 64, got 0");
  CHECK(complaint(R"({"threads": 1.5})") ==
        "my.json: setting 'threads' expects a whole number from 1 to 64, got 1.5");
  CHECK(complaint(R"({"auth": {"keys": [1]}})") ==
        "my.json: setting 'auth.keys' expects a list of strings, got [1]");
  CHECK(complaint(R"({"log": {"level": "loud"}})") ==
        R"(my.json: setting 'log.level' expects one of "info", "debug", got "loud")");
  CHECK(complaint(R"({"auth": 3})") == "my.json: there is no setting 'auth'");
  CHECK(complaint("[]") == "my.json: expected an object of settings, got []");
  CHECK_THROWS_WITH(settings.set("threads"), "expected key=value, got 'threads'");
  CHECK_THROWS_WITH(settings.load(std::filesystem::path("/nowhere.json")),
                    "cannot read the settings file /nowhere.json");
  CHECK(fields.threads == 1);
}

TEST_CASE("a settings file that is no JSON, or no numbers that a machine has, is refused with its name",
          "[config]") {
  Fields fields;
  config::Settings settings = bound_to(fields);
  const test::TemporaryFolder folder;
  const auto complaint = [&](const char* text) -> std::string {
    const auto file = folder.write("my.json", text);
    try {
      settings.load(file);
    } catch (const std::runtime_error& error) {
      return std::string(error.what()).substr(file.string().size());
    }
    return "none";
  };
  CHECK(complaint("{\"threads\": }") == " is not JSON, at byte 13");
  CHECK(complaint("{\"sampling\": {\"top_p\": 1e999}}") ==
        " holds a number that is larger than numbers can be");
}

TEST_CASE("the values of all settings read back as they are", "[config]") {
  Fields fields;
  config::Settings settings = bound_to(fields);
  settings.set("limits.idle_ms=700");
  json values = settings.values();
  CHECK(values["limits"]["idle_ms"] == 700);
  CHECK(values["sampling"]["top_p"] == 0.9);

  Fields others;
  config::Settings copy = bound_to(others);
  copy.load(values, "values");
  CHECK(others.idle == fields.idle);
  CHECK(settings.describe().front().key == "listen");
  CHECK(settings.describe().front().value == "127.0.0.1:8080");
}
