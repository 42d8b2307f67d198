#include "engine/text/byte_level_bpe.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "engine/text/utf8.hpp"
#include "test/engine/text/starter_tokenizers.hpp"
#include "test/engine/text/token_reference.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using text::ByteLevelBpe;
using text::SpecialTokens;

namespace {

void check_equal(const ByteLevelBpe& tokenizer, const std::vector<test::ReferenceText>& references,
                 std::size_t column) {
  for (const auto& [text, by_tokenizer] : references) {
    CAPTURE(text);
    CHECK(tokenizer.encode(text, SpecialTokens::parsed) == by_tokenizer.at(column).parsed);
    CHECK(tokenizer.encode(text) == by_tokenizer.at(column).as_text);
  }
}

}  // namespace

TEST_CASE("the starter's tokenizers make the same tokens of 1,000 texts as Hugging Face's library",
          "[engine][text]") {
  const auto references = test::read_reference("tokens.txt");
  REQUIRE(references.size() == 1000);
  const auto [part, column] = GENERATE(table<std::string, std::size_t>({{"brain", 0}, {"ear", 1}}));
  const auto tokenizer = test::starter_tokenizer(part);
  if (tokenizer) check_equal(*tokenizer, references, column);
}

TEST_CASE("small tokenizers in the layouts of other families agree with Hugging Face's library",
          "[engine][text]") {
  const std::string layout = GENERATE("gpt2", "qwen2", "llama3");
  CAPTURE(layout);
  const auto references = test::read_reference(layout + ".txt");
  REQUIRE(references.size() == 200);
  check_equal(ByteLevelBpe::open(test::parity_file(layout + ".json")), references, 0);
}

TEST_CASE("decoding what was encoded gives the text, broken UTF-8 as U+FFFD", "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("llama3.json"));
  for (const auto& reference : test::read_reference("tokens.txt")) {
    CHECK(tokenizer.decode(tokenizer.encode(reference.text)) == text::repaired_utf8(reference.text));
    CHECK(tokenizer.decode(tokenizer.encode(reference.text, SpecialTokens::parsed), /*show_special=*/true) ==
          text::repaired_utf8(reference.text));
  }
}

TEST_CASE("special tokens are read only where asked for, and decoded only where asked for",
          "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("qwen2.json"));
  const int end = tokenizer.id_of("<|im_end|>").value();
  CHECK(tokenizer.is_special(end));
  CHECK(tokenizer.bytes_of(end) == "<|im_end|>");
  CHECK(tokenizer.encode("<|im_end|>", SpecialTokens::parsed) == std::vector{end});
  const auto as_text = tokenizer.encode("<|im_end|>");
  CHECK(std::find(as_text.begin(), as_text.end(), end) == as_text.end());
  CHECK(tokenizer.decode(as_text) == "<|im_end|>");
  CHECK(tokenizer.decode(std::vector{end}).empty());

  // The calls of functions are read out of what is decoded, so their tags are shown.
  const int call = tokenizer.id_of("<tool_call>").value();
  CHECK_FALSE(tokenizer.is_special(call));
  CHECK(tokenizer.decode(std::vector{call}) == "<tool_call>");
  CHECK_FALSE(tokenizer.id_of("the"));
}

TEST_CASE("ids that are no tokens stand for nothing", "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("gpt2.json"));
  const int id = GENERATE(-1, 1 << 30, std::numeric_limits<int>::min());
  CHECK(tokenizer.bytes_of(id).empty());
  CHECK_FALSE(tokenizer.is_special(id));
  CHECK(tokenizer.decode(std::vector{id, tokenizer.size()}).empty());
}

TEST_CASE("a byte that the vocabulary lacks is lost and breaks nothing", "[engine][text]") {
  const test::TemporaryFolder folder;
  const auto file =
      folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
      "merges": ["a b"]}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}})");
  CHECK(ByteLevelBpe::open(file).encode("a?bc ab") == std::vector{0, 1, 2});
}

// With a merge that looked at all pairs each time these would take hours, with a pattern that recursed they
// would overflow the stack; the limit of the test program's time is the check.
TEST_CASE("a megabyte of anything is encoded in seconds at most and comes back whole", "[engine][text]") {
  constexpr std::size_t megabyte = 1 << 20;
  std::mt19937 random(1);
  std::string bytes(megabyte, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  std::string letters(megabyte, '\0');
  for (char& letter : letters) letter = static_cast<char>('a' + random() % 26);
  std::string marks;
  while (marks.size() < megabyte) marks += "\xCC\x81\xCC\xA3";  // on one letter, in the wrong order

  const auto tokenizer = [] {
    if (auto starter = test::starter_tokenizer("ear")) return std::move(*starter);
    return ByteLevelBpe::open(test::parity_file("llama3.json"));
  }();
  for (const std::string& text :
       {std::string(megabyte, 'a'), std::string(megabyte, ' '), std::string(megabyte, ' ') + "a",
        std::string(megabyte, '\n'), bytes, letters, std::string(megabyte, '<'), "e" + marks})
    CHECK((tokenizer.decode(tokenizer.encode(text, SpecialTokens::parsed)) == text::repaired_utf8(text)));

  const auto composing = ByteLevelBpe::open(test::parity_file("qwen2.json"));
  CHECK(composing.encode("e" + marks).size() > megabyte / 2);
}

TEST_CASE("many threads use one tokenizer", "[engine][text]") {
  const auto tokenizer = ByteLevelBpe::open(test::parity_file("qwen2.json"));
  const auto references = test::read_reference("qwen2.txt");
  std::vector<int> wrong(4);
  {
    std::vector<std::jthread> threads;
    for (int& mine : wrong)
      threads.emplace_back([&] {
        for (const auto& reference : references)
          mine += tokenizer.encode(reference.text) != reference.by_tokenizer[0].as_text;
      });
  }
  CHECK(wrong == std::vector{0, 0, 0, 0});
}

TEST_CASE("a tokenizer.json that cannot be used is refused with what is wrong", "[engine][text]") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(ByteLevelBpe::open(folder.path() / "tokenizer.json"),
                    ContainsSubstring("tokenizer.json"));

  const nlohmann::json good = nlohmann::json::parse(R"({
      "added_tokens": [{"id": 3, "content": "<s>", "special": true}], "normalizer": null,
      "pre_tokenizer": {"type": "ByteLevel"},
      "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}})");
  CHECK(ByteLevelBpe::open(folder.write("tokenizer.json", good.dump())).size() == 4);

  const auto [place, value, sentence] = GENERATE(table<std::string, std::string, std::string>({
      {"", "[]", "should be a JSON object, but is []"},
      {"/model", "null", "should be of the type BPE, but is null"},
      {"/model/type", "\"Unigram\"", "should be of the type BPE, but is Unigram"},
      {"/model/vocab", "{}", "should hold the tokens and their ids"},
      {"/model/vocab/a", "-1", "the id of the token \"a\" should be a number of 0 to"},
      {"/model/vocab/a", "4000000000", "the id of the token \"a\" should be a number of 0 to"},
      {"/model/vocab/a", "\"0\"", "the id of the token \"a\" should be a number of 0 to"},
      {"/model/merges", "7", "\"model.merges\" should be a list"},
      {"/model/merges/0", "\"ab\"", "a merge should be two tokens"},
      {"/model/merges/0", "[\"a\"]", "a merge should be two tokens"},
      {"/model/merges/0", "\"a c\"", "needs the token \"c\""},
      {"/model/merges/0", "\"b a\"", "needs the token \"ba\""},
      {"/model/byte_fallback", "true", "\"byte_fallback\" is set"},
      {"/model/dropout", "0.1", "\"dropout\" should be null"},
      {"/model/ignore_merges", "1", "\"ignore_merges\" should be true or false"},
      {"/model/end_of_word_suffix", "\"</w>\"", "which byte-level tokenizers do not have"},
      {"/added_tokens", "{}", "\"added_tokens\" should be a list"},
      {"/added_tokens/0", "{\"id\": 3}", "an added token should have"},
      {"/added_tokens/0/id", "null", "the id of the token \"<s>\""},
      {"/normalizer", "{\"type\": \"NFKC\"}", "the normalizer NFKC is not known"},
      {"/pre_tokenizer", "null", "the pre-tokenizer null is not known"},
      {"/pre_tokenizer", "{\"type\": \"Digits\"}", "should end with ByteLevel"},
      {"/pre_tokenizer", "{\"type\": \"Metaspace\"}", "the pre-tokenizer Metaspace is not known"},
      {"/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})",
       "the pattern ( is wrong at character 1"},
      {"/pre_tokenizer", R"({"type": "Split", "behavior": "Isolated"})",
       "should have a pattern, but has null"},
      {"/pre_tokenizer", R"({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithNext"})",
       "behaves as \"MergedWithNext\""},
  }));
  nlohmann::json broken = good;
  broken[nlohmann::json::json_pointer(place)] = nlohmann::json::parse(value);
  const auto file = folder.write("tokenizer.json", broken.dump());
  CHECK_THROWS_WITH(ByteLevelBpe::open(file),
                    ContainsSubstring(file.string()) && ContainsSubstring(sentence));
  folder.write("tokenizer.json", good.dump().substr(0, 100));
  CHECK_THROWS_WITH(ByteLevelBpe::open(file), ContainsSubstring("is not JSON"));
}
