#include "engine/models/step_audio_2/text/conversation_file.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley::step_audio_2;
using Catch::Matchers::ContainsSubstring;

namespace {

ConversationFile conversation(std::string_view json) {
  const parley::test::TemporaryFolder folder;
  return ConversationFile::read(folder.write("conversation.json", json));
}

}  // namespace

TEST_CASE("a conversation holds texts, recordings beside the file, and tokens",
          "[step_audio_2][conversation_file]") {
  const parley::test::TemporaryFolder folder;
  const auto read = ConversationFile::read(folder.write("conversation.json", R"({"messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "audio", "file": "clips/a.wav"}, {"type": "text", "text": "And?"},
                                 {"type": "token", "token": [1, 2], "score": true}]},
    {"role": "assistant", "content": "<tts_start>", "eot": false},
    {"role": "assistant", "content": null, "score": true}]})"));
  REQUIRE(read.messages.size() == 4);
  CHECK(std::get<std::string>(read.messages[0].content) == "Be brief.");
  CHECK(read.messages[0].ended);
  CHECK(read.messages[1].role == "human");
  const auto& items = std::get<std::vector<FileItem>>(read.messages[1].content);
  CHECK(std::get<FileAudio>(items[0].content).file == folder.path() / "clips/a.wav");
  CHECK(std::get<FileText>(items[1].content).text == "And?");
  CHECK(std::get<FileTokens>(items[2].content).ids == std::vector<int>{1, 2});
  CHECK(items[2].score);
  CHECK_FALSE(items[1].score);
  CHECK_FALSE(read.messages[2].ended);
  CHECK(std::holds_alternative<std::monostate>(read.messages[3].content));
  CHECK(read.messages[3].score);
}

TEST_CASE("what is wrong with a conversation is told by message and item",
          "[step_audio_2][conversation_file]") {
  CHECK_THROWS_WITH(conversation("[]"),
                    ContainsSubstring("conversation.json") && ContainsSubstring("an object"));
  CHECK_THROWS_WITH(conversation(R"({"messages": []})"), ContainsSubstring("at least one message"));
  CHECK_THROWS_WITH(conversation(R"({"messages": [{"role": "user"}]})"),
                    ContainsSubstring("message 1") && ContainsSubstring("\"content\" is missing"));
  CHECK_THROWS_WITH(conversation(R"({"messages": [{"role": "user", "content": [{"type": "video"}]}]})"),
                    ContainsSubstring("message 1, item 1") && ContainsSubstring("\"video\""));
  CHECK_THROWS_WITH(
      conversation(R"({"messages": [{"role": "user", "content": [{"type": "token", "token": [-1]}]}]})"),
      ContainsSubstring("-1"));
  CHECK_THROWS_WITH(conversation(R"({"messages": [{"role": "user", "content": "x", "eot": "no"}]})"),
                    ContainsSubstring("\"eot\" should be true or false"));
}
