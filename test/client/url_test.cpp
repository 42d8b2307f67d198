#include "client/url.hpp"

#include "test/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using parley::client::parse_url;

TEST_CASE("a server's address is taken as the server prints it", "[client]") {
  const auto url = parse_url("http://127.0.0.1:8080");
  CHECK(url.host == "127.0.0.1");
  CHECK(url.port == "8080");
  CHECK(url.authority() == "127.0.0.1:8080");
  CHECK(url.target == "/v1/realtime?native=1");
  CHECK(parse_url("http://localhost/").target == "/v1/realtime?native=1");
  CHECK(parse_url("ws://localhost").port == "80");
}

TEST_CASE("path and query are kept, and native mode is asked for once", "[client]") {
  CHECK(parse_url("ws://a:1/v1/realtime?model=m").target == "/v1/realtime?model=m&native=1");
  CHECK(parse_url("ws://a:1?model=m").target == "/v1/realtime?model=m&native=1");
  CHECK(parse_url("ws://a:1/x?native=1&model=m").target == "/x?native=1&model=m");
  CHECK(parse_url("ws://a:1/x?alternative=1").target == "/x?alternative=1&native=1");
}

TEST_CASE("an IPv6 address stands in brackets", "[client]") {
  const auto url = parse_url("ws://[::1]:8080/v1/realtime");
  CHECK(url.host == "::1");
  CHECK(url.port == "8080");
  CHECK(url.authority() == "[::1]:8080");
}

TEST_CASE("what is no address of a server is refused with a sentence", "[client]") {
  for (const char* text : {"localhost:8080", "ws://", "ws://:8080", "ws://a:", "ws://a:0", "ws://a:70000",
                           "ws://a:8o", "ws://[::1", "ws://[::1]8080"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_url(text), ContainsSubstring("expected ws://HOST:PORT"));
  }
  CHECK_THROWS_WITH(parse_url("wss://a"), ContainsSubstring("TLS"));
}
