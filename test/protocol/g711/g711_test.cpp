#include "protocol/g711/g711.hpp"

#include <cmath>
#include <cstdlib>

#include "test/support/catch.hpp"

using namespace parley::protocol;
using g711::Law;

namespace {

Bytes all_codes() {
  Bytes codes;
  for (int code = 0; code < 256; ++code) codes.push_back(static_cast<std::byte>(code));
  return codes;
}

}  // namespace

TEST_CASE("G.711 decodes the corners of both tables", "[protocol][g711]") {
  const auto mu = g711::decode(Law::mu, all_codes());
  CHECK(mu[0xFF] == 0);
  CHECK(mu[0x7F] == 0);
  CHECK(mu[0x80] == 32124);
  CHECK(mu[0x00] == -32124);
  CHECK(mu[0xFE] == 8);
  CHECK(mu[0xEF] == 132);  // where the second segment starts

  const auto a = g711::decode(Law::a, all_codes());
  CHECK(a[0xD5] == 8);
  CHECK(a[0x55] == -8);
  CHECK(a[0xAA] == 32256);
  CHECK(a[0x2A] == -32256);
  CHECK(a[0xC5] == 264);  // where the second segment starts
}

TEST_CASE("every G.711 code survives decoding and encoding, but for mu-law's second zero",
          "[protocol][g711]") {
  const Law law = GENERATE(Law::mu, Law::a);
  const Bytes codes = all_codes();
  const Bytes again = g711::encode(law, g711::decode(law, codes));
  for (std::size_t code = 0; code < codes.size(); ++code) {
    const bool second_zero = law == Law::mu && code == 0x7F;
    CHECK(again[code] == (second_zero ? std::byte{0xFF} : codes[code]));
  }
}

TEST_CASE("G.711 keeps a sample within half a step, and clips the loudest", "[protocol][g711]") {
  const Law law = GENERATE(Law::mu, Law::a);
  for (int sample = -32768; sample <= 32767; sample += 7) {
    const std::int16_t pcm = static_cast<std::int16_t>(sample);
    const int heard = g711::decode(law, g711::encode(law, std::span(&pcm, 1))).front();
    const int loudest = law == Law::mu ? 32124 : 32256;
    const int half_step = std::max(16, std::abs(sample) / 32 + 4);
    if (std::abs(sample) <= loudest) {
      REQUIRE(std::abs(heard - sample) <= half_step);
    } else {
      REQUIRE(std::abs(heard) == loudest);
    }
  }
}
