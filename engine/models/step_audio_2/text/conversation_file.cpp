// Tested by test/engine/models/step_audio_2/text/conversation_file_test.cpp.
#include "engine/models/step_audio_2/text/conversation_file.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "engine/weights/json_file.hpp"

namespace parley::step_audio_2 {
namespace {

using nlohmann::json;

struct Reader {
  std::filesystem::path file;
  std::string where;  // "message 2", "message 2, item 1"

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(file.string() + ": " + (where.empty() ? "" : where + ": ") + what);
  }

  const json& member(const json& object, const char* name, std::string_view expected) const {
    const auto found = object.find(name);
    if (found == object.end())
      fail("\"" + std::string(name) + "\" is missing; expected " + std::string(expected));
    return *found;
  }

  std::string text(const json& object, const char* name) const {
    const json& value = member(object, name, "a text");
    if (!value.is_string()) fail("\"" + std::string(name) + "\" should be a text, but is " + value.dump());
    return value.get<std::string>();
  }

  bool flag(const json& object, const char* name, bool otherwise) const {
    const auto found = object.find(name);
    if (found == object.end()) return otherwise;
    if (!found->is_boolean())
      fail("\"" + std::string(name) + "\" should be true or false, but is " + found->dump());
    return found->get<bool>();
  }

  std::vector<int> token_ids(const json& value) const {
    std::vector<int> ids;
    const bool list = value.is_array();
    for (const json& id : list ? value : json::array({value})) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > 0x7FFFFFFF)
        fail("\"token\" should be a list of token ids, but holds " + id.dump());
      ids.push_back(id.get<int>());
    }
    return ids;
  }

  FileItem item(const json& value) const {
    if (!value.is_object()) fail("should be an object, but is " + value.dump());
    const std::string type = text(value, "type");
    FileItem read;
    read.score = flag(value, "score", false);
    if (type == "text") {
      read.content = FileText{text(value, "text")};
    } else if (type == "audio") {
      read.content = FileAudio{file.parent_path() / text(value, "file")};
    } else if (type == "token") {
      read.content = FileTokens{token_ids(member(value, "token", "a list of token ids"))};
    } else {
      fail("the type \"" + type + "\" is not known; expected text, audio or token");
    }
    return read;
  }

  FileMessage message(const json& value) {
    if (!value.is_object()) fail("should be an object, but is " + value.dump());
    FileMessage read;
    read.role = text(value, "role");
    if (read.role == "user") read.role = "human";
    read.ended = flag(value, "eot", true);
    read.score = flag(value, "score", false);
    const json& content = member(value, "content", "a text, a list of items, or null");
    if (content.is_string()) {
      read.content = content.get<std::string>();
    } else if (content.is_array()) {
      std::vector<FileItem> items;
      const std::string here = where;
      for (std::size_t i = 0; i < content.size(); ++i) {
        where = here + ", item " + std::to_string(i + 1);
        items.push_back(item(content[i]));
      }
      where = here;
      read.content = std::move(items);
    } else if (!content.is_null()) {
      fail("\"content\" should be a text, a list of items, or null, but is " + content.dump());
    }
    return read;
  }
};

}  // namespace

ConversationFile ConversationFile::read(const std::filesystem::path& file) {
  Reader reader{file, ""};
  const json object = weights::read_json_file(file);
  if (!object.is_object())
    reader.fail("should be an object with \"messages\", but is " + std::string(object.type_name()));
  const json& messages = reader.member(object, "messages", "a list of messages");
  if (!messages.is_array() || messages.empty())
    reader.fail("\"messages\" should be a list of at least one message");
  ConversationFile conversation;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    reader.where = "message " + std::to_string(i + 1);
    conversation.messages.push_back(reader.message(messages[i]));
  }
  return conversation;
}

}  // namespace parley::step_audio_2
