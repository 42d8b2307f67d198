#include "server/auth/credential.hpp"
#include "server/auth/ephemeral_keys.hpp"
#include "server/auth/gate.hpp"
#include "server/auth/origin.hpp"
#include "server/http/target.hpp"
#include "test/support/catch.hpp"

using namespace parley::server;
using Source = Credential::Source;
using namespace std::chrono_literals;

TEST_CASE("credentials are looked for in the order of the protocol", "[auth]") {
  CredentialSources sources{.authorization = "bearer  header-key ",
                            .api_key = "api-key",
                            .subprotocols = {"realtime", "openai-insecure-api-key.protocol-key"},
                            .target = "/v1/realtime?api_key=query-key"};
  CHECK(find_credential(sources, true)->value == "header-key");
  sources.authorization = "Basic dXNlcg==";
  CHECK(find_credential(sources, true)->value == "api-key");
  sources.api_key = "";
  CHECK(find_credential(sources, true)->value == "protocol-key");
  CHECK(find_credential(sources, true)->source == Source::subprotocol);
  sources.subprotocols = {"realtime", "openai-insecure-api-key."};
  CHECK(find_credential(sources, true)->value == "query-key");
  CHECK_FALSE(find_credential(sources, false));
}

TEST_CASE("a header's tokens are split at commas, whatever is in them", "[auth]") {
  CHECK(split_tokens("a, b ,,\t c=d/e ").size() == 3);
  CHECK(split_tokens(" a , b").front() == "a");
  CHECK(split_tokens("").empty());
}

TEST_CASE("queries are percent-decoded, and their first value counts", "[http]") {
  CHECK(path_of("/v1/realtime?model=x#y") == "/v1/realtime");
  CHECK(query_value("/a?model=gpt%2D4o+x&model=y", "model") == "gpt-4o x");
  CHECK(query_value("/a?flag&x=1", "flag") == "");
  CHECK(query_value("/a?x=100%&y=%zz", "x") == "100%");
  CHECK(query_value("/a?x=100%&y=%zz", "y") == "%zz");
  CHECK_FALSE(query_value("/a?xx=1", "x"));
  CHECK_FALSE(query_value("/a", "x"));
}

TEST_CASE("an origin is its scheme, host and port, and nothing else", "[auth]") {
  CHECK(normalized_origin("HTTPS://Example.com") == "https://example.com:443");
  CHECK(normalized_origin("http://[::1]") == "http://[::1]:80");
  CHECK(normalized_origin("http://[::1]:8080") == "http://[::1]:8080");
  CHECK_FALSE(normalized_origin("null"));
  CHECK_FALSE(normalized_origin("https://example.com/path"));
  CHECK_FALSE(normalized_origin("https://user@example.com"));
  CHECK(origin_allowed({}, "h", false, {}));
  CHECK(origin_allowed("http://localhost:8080", "localhost:8080", false, {}));
  CHECK(origin_allowed("https://voice.example.com", "voice.example.com", false, {}));  // TLS ends at a proxy
  CHECK_FALSE(origin_allowed("http://voice.example.com:443", "voice.example.com", true, {}));
  CHECK_FALSE(origin_allowed("", "", false, {}));
}

TEST_CASE("an ephemeral key is good until its time is up, and in no other form", "[auth]") {
  EphemeralKeys keys("secret");
  parley::protocol::SessionChanges session;
  session.instructions = "Be brief.";
  const EphemeralKey key = keys.mint(1000s, 60s, session);
  CHECK(key.expires_at == 1060s);
  CHECK(key.value.size() <= 512);
  CHECK(key.value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  REQUIRE(keys.check(key.value, 1059s));
  CHECK(keys.check(key.value, 1059s)->instructions == "Be brief.");
  CHECK_FALSE(keys.check(key.value, 1060s));
  for (std::size_t i = 0; i < key.value.size(); ++i) {
    std::string forged = key.value;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(keys.check(forged, 1000s));
  }
  CHECK_FALSE(keys.check(key.value + "A", 1000s));
  CHECK_FALSE(keys.check(key.value.substr(0, key.value.size() - 1), 1000s));
  CHECK_FALSE(keys.check("ek_", 1000s));

  SECTION("a server with the same secret takes it too, without what it brings") {
    EphemeralKeys elsewhere("secret");
    REQUIRE(elsewhere.check(key.value, 1000s));
    CHECK_FALSE(elsewhere.check(key.value, 1000s)->instructions);
    CHECK_FALSE(EphemeralKeys("another").check(key.value, 1000s));
    CHECK_FALSE(EphemeralKeys("").check(key.value, 1000s));
  }
  SECTION("only so many sessions are remembered") {
    for (std::size_t i = 0; i < EphemeralKeys::most_remembered; ++i) keys.mint(1000s, 60s, {});
    CHECK_FALSE(keys.check(key.value, 1000s)->instructions);
  }
}

TEST_CASE("keys open the gate, and ephemeral keys open it for sessions alone", "[auth]") {
  AuthSettings settings;
  settings.keys = {"alpha", "beta"};
  Gate gate(settings);
  const auto verdict = [&](std::string value) {
    return gate.admit(Credential{std::move(value)}, 10s).verdict;
  };
  CHECK(verdict("beta") == Gate::Verdict::admitted);
  CHECK(verdict("gamma") == Gate::Verdict::wrong_credential);
  CHECK(verdict("alph") == Gate::Verdict::wrong_credential);
  CHECK(gate.admit(std::nullopt, 10s).verdict == Gate::Verdict::no_credential);
  const std::string ephemeral = gate.ephemeral_keys().mint(0s, 60s, {}).value;
  CHECK(verdict(ephemeral) == Gate::Verdict::admitted);
  CHECK(gate.admit(Credential{ephemeral}, 60s).verdict == Gate::Verdict::wrong_credential);
  CHECK(gate.admit_backend(Credential{ephemeral}) == Gate::Verdict::wrong_credential);

  settings.keys.clear();
  CHECK(verdict("anything") == Gate::Verdict::admitted);
  CHECK(gate.admit(std::nullopt, 10s).verdict == Gate::Verdict::admitted);
}
