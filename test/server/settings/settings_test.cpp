#include <fstream>
#include <nlohmann/json.hpp>

#include "server/settings/register.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::server;

namespace {

std::string refusal(const ServerSettings& settings) {
  try {
    check(settings);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("config/default.json holds every setting with its default", "[settings]") {
  ServerSettings server;
  config::Settings settings;
  register_settings(settings, server);
  std::ifstream file(PARLEY_SOURCE_DIR "/config/default.json");
  REQUIRE(file);
  CHECK(nlohmann::json::parse(file) == settings.values());
}

TEST_CASE("config/default.json can be loaded", "[settings]") {
  ServerSettings server;
  config::Settings settings;
  register_settings(settings, server);
  settings.load(std::filesystem::path(PARLEY_SOURCE_DIR "/config/default.json"));
  CHECK(refusal(server).empty());
}

TEST_CASE("every setting says what it is for", "[settings]") {
  ServerSettings server;
  config::Settings settings;
  register_settings(settings, server);
  for (const auto& description : settings.describe()) {
    INFO(description.key);
    CHECK_FALSE(description.meaning.empty());
  }
}

TEST_CASE("an address to listen on is HOST:PORT", "[settings]") {
  CHECK(parse_listen("127.0.0.1:8080").port == 8080);
  CHECK(parse_listen("8080").loopback());
  CHECK(parse_listen("[::1]:0").host == "::1");
  CHECK(parse_listen("localhost:1").loopback());
  CHECK_FALSE(parse_listen("0.0.0.0:1").loopback());
  for (const char* wrong : {"", "host", "host:", ":80", "host:99999", "host:80x", "::1:80", "host:-1"})
    CHECK_THROWS_AS(parse_listen(wrong), std::runtime_error);
}

TEST_CASE("a server for the whole network needs keys, or to be told that it is open", "[settings]") {
  ServerSettings server;
  CHECK(refusal(server).empty());
  server.listen = "0.0.0.0:8080";
  CHECK(refusal(server).find("auth.open=true") != std::string::npos);
  server.auth.open = true;
  CHECK(refusal(server).empty());
  server.auth.open = false;
  server.auth.keys = {"key"};
  CHECK(refusal(server).empty());
  server.auth.keys = {""};
  CHECK_FALSE(refusal(server).empty());
}

TEST_CASE("half of a TLS identity is refused", "[settings]") {
  ServerSettings server;
  server.tls.certificate = "cert.pem";
  CHECK(refusal(server).find("tls.private_key") != std::string::npos);
}
