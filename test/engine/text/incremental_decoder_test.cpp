#include "engine/text/incremental_decoder.hpp"

#include <random>

#include "engine/text/utf8.hpp"
#include "test/engine/text/token_reference.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using text::ByteLevelBpe;
using text::IncrementalDecoder;
using text::SpecialTokens;

namespace {

// Checks on the way that no piece begins or ends within a character.
std::string in_pieces(const ByteLevelBpe& tokenizer, const std::vector<int>& ids) {
  IncrementalDecoder decoder(tokenizer);
  std::string text;
  for (const int id : ids) {
    const std::string piece = decoder.push(id);
    if (!text::is_utf8(piece)) FAIL("the piece " << piece << " cuts a character");
    text += piece;
  }
  return text + decoder.finish();
}

}  // namespace

TEST_CASE("pieces of an answer put together are the answer", "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("qwen2.json"));
  for (const auto& reference : test::read_reference("tokens.txt")) {
    const auto ids = tokenizer.encode(reference.text, SpecialTokens::parsed);
    CHECK(in_pieces(tokenizer, ids) == tokenizer.decode(ids));
  }
}

TEST_CASE("tokens in any order, as a confused model writes them, decode in pieces as at once",
          "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("gpt2.json"));
  std::mt19937 random(GENERATE(range(0U, 200U)));
  std::vector<int> ids(1 + random() % 40);
  // Mostly single bytes, which rarely make a character.
  for (int& id : ids) id = static_cast<int>(random() % (random() % 4 == 0 ? tokenizer.size() + 5U : 260U));
  CHECK(in_pieces(tokenizer, ids) == tokenizer.decode(ids));
}

TEST_CASE("an unfinished character waits for its end, and is U+FFFD when none comes", "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("llama3.json"));
  const auto ids = tokenizer.encode("\xF0\x9F\xA4\x96");  // the robot face, a token a byte
  REQUIRE(ids.size() > 1);
  IncrementalDecoder decoder(tokenizer);
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) CHECK(decoder.push(ids[i]).empty());
  CHECK(decoder.push(ids.back()) == "\xF0\x9F\xA4\x96");
  CHECK(decoder.finish().empty());

  CHECK(decoder.push(ids[0]).empty());
  CHECK(decoder.push(tokenizer.id_of("<|eot_id|>").value()).empty());  // a special token is no text
  CHECK(decoder.finish() == "\xEF\xBF\xBD");
  CHECK(decoder.finish().empty());
}
