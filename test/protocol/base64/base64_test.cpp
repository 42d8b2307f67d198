#include "protocol/base64/base64.hpp"

#include <random>
#include <string>

#include "test/support/catch.hpp"

using parley::protocol::Bytes;
namespace base64 = parley::protocol::base64;

namespace {

Bytes bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

}  // namespace

TEST_CASE("base64 agrees with the vectors of RFC 4648", "[protocol][base64]") {
  const auto [plain, text] = GENERATE(table<std::string, std::string>({{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}));
  CHECK(base64::encode(bytes_of(plain)) == text);
  CHECK(base64::decode(text) == bytes_of(plain));
}

TEST_CASE("base64 of any bytes decodes to the same bytes", "[protocol][base64]") {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    const std::string text = base64::encode(bytes);
    REQUIRE(text.size() == base64::encoded_size(size));
    REQUIRE(base64::decode(text) == bytes);
  }
}

TEST_CASE("base64 that is not strict is refused", "[protocol][base64]") {
  const std::string text = GENERATE("Zg=", "Zg", "Zg===", "=Zg=", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9*",
                                    "Zm9-", "Zm9_", "Zh==", "Zm9=", "Zg==Zg==", "Zm=v", "Zm9\xC3", "***");
  CAPTURE(text);
  CHECK_FALSE(base64::decode(text).has_value());
}

TEST_CASE("base64 is appended to what is there", "[protocol][base64]") {
  std::string out = "\"";
  base64::encode(bytes_of("foo"), out);
  CHECK(out == "\"Zm9v");
}
