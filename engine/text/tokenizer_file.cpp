#include "engine/text/tokenizer_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/text/byte_alphabet.hpp"
#include "engine/weights/json_file.hpp"

namespace parley::text {
namespace {

using nlohmann::json;

constexpr int largest_id = 10'000'000;  // a wrong id must not ask for gigabytes

// GPT-2's words: contractions, letters, numbers and signs, each with the space before it; then white space.
constexpr std::string_view byte_level_words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Turned into a sentence with the file's name by TokenizerFile::read.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string shown(const json& value) {
  constexpr std::size_t most = 60;
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  if (text.size() > most) text = text.substr(0, most) + "...";
  return text;
}

const json& member(const json& object, const char* key) {
  static const json none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

bool flag(const json& object, const char* key, bool otherwise) {
  const json& value = member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean())
    throw Wrong('"' + std::string(key) + "\" should be true or false, but is " + shown(value));
  return value.get<bool>();
}

std::string type_of(const json& part) {
  const json& type = member(part, "type");
  return part.is_object() && type.is_string() ? type.get<std::string>() : shown(part);
}

class Reader {
 public:
  TokenizerFile read(const json& file) {
    if (!file.is_object()) throw Wrong("it should be a JSON object, but is " + shown(file));
    const json& model = member(file, "model");
    // Files of before 2020 leave the type out.
    if (!model.is_object() || (model.contains("type") && model["type"] != "BPE"))
      throw Wrong("\"model\" should be of the type BPE, but is " + type_of(model));
    read_vocabulary(model);
    read_merges(model);
    read_added_tokens(member(file, "added_tokens"));
    read_byte_tokens(model);
    read_normalizer(member(file, "normalizer"));
    read_pre_tokenizer(member(file, "pre_tokenizer"));
    if (!byte_level_)
      throw Wrong("\"pre_tokenizer\" should end with ByteLevel, as the models of the GPT-2 family have it");
    return std::move(file_);
  }

 private:
  int id_from(const json& value, const std::string& token) {
    if (!value.is_number_integer() || value < 0 || value > largest_id)
      throw Wrong("the id of the token \"" + token + "\" should be a number of 0 to " +
                  std::to_string(largest_id) + ", but is " + shown(value));
    const int id = value.get<int>();
    if (static_cast<std::size_t>(id) >= file_.bytes.size())
      file_.bytes.resize(static_cast<std::size_t>(id) + 1);
    return id;
  }

  void read_vocabulary(const json& model) {
    const json& vocabulary = member(model, "vocab");
    if (!vocabulary.is_object() || vocabulary.empty())
      throw Wrong("\"model.vocab\" should hold the tokens and their ids, but is " + shown(vocabulary));
    ids_.reserve(vocabulary.size());
    for (const auto& [token, value] : vocabulary.items()) {
      const int id = id_from(value, token);
      ids_.emplace(token, id);
      file_.bytes[static_cast<std::size_t>(id)] = bytes_of_characters(token).value_or(token);
    }
  }

  int known(const std::string& token, const json& merge) const {
    const auto found = ids_.find(token);
    if (found == ids_.end())
      throw Wrong("the merge " + shown(merge) + " needs the token \"" + token +
                  "\", which is not in the vocabulary");
    return found->second;
  }

  void read_merges(const json& model) {
    const json& merges = member(model, "merges");
    if (!merges.is_array()) throw Wrong("\"model.merges\" should be a list, but is " + shown(merges));
    file_.merges.reserve(merges.size());
    for (const json& merge : merges) {
      const auto [left, right] = halves(merge);
      file_.merges.push_back({known(left, merge), known(right, merge), known(left + right, merge)});
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (const json& affix = member(model, key); !affix.is_null() && affix != "")
        throw Wrong('"' + std::string(key) + "\" is " + shown(affix) +
                    ", which byte-level tokenizers do not have");
    if (const json& dropout = member(model, "dropout"); !dropout.is_null() && dropout != 0.0)
      throw Wrong("\"dropout\" should be null, but is " + shown(dropout));
    if (flag(model, "byte_fallback", false)) throw Wrong("\"byte_fallback\" is set, which is not supported");
    file_.whole_words = flag(model, "ignore_merges", false);
  }

  static std::pair<std::string, std::string> halves(const json& merge) {
    if (merge.is_string()) {
      const auto text = merge.get<std::string>();
      if (const auto space = text.find(' ');
          space != std::string::npos && space > 0 && space + 1 < text.size())
        return {text.substr(0, space), text.substr(space + 1)};
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string() &&
               merge[0] != "" && merge[1] != "") {
      return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    }
    throw Wrong("a merge should be two tokens, as \"a b\" or [\"a\", \"b\"], but is " + shown(merge));
  }

  void read_added_tokens(const json& tokens) {
    if (tokens.is_null()) return;
    if (!tokens.is_array()) throw Wrong("\"added_tokens\" should be a list, but is " + shown(tokens));
    for (const json& token : tokens) {
      const json& content = member(token, "content");
      if (!token.is_object() || !content.is_string() || content == "")
        throw Wrong("an added token should have \"id\" and \"content\", but is " + shown(token));
      AddedToken added;
      added.content = content.get<std::string>();
      added.id = id_from(member(token, "id"), added.content);
      added.special = flag(token, "special", false);
      added.single_word = flag(token, "single_word", false);
      added.takes_space_before = flag(token, "lstrip", false);
      added.takes_space_after = flag(token, "rstrip", false);
      added.normalized = flag(token, "normalized", !added.special);
      file_.bytes[static_cast<std::size_t>(added.id)] = added.content;
      file_.added.push_back(std::move(added));
    }
  }

  void read_byte_tokens(const json& model) {
    int unknown = -1;
    if (const json& token = member(model, "unk_token"); token.is_string())
      if (const auto found = ids_.find(token.get<std::string>()); found != ids_.end())
        unknown = found->second;
    for (int byte = 0; byte < 256; ++byte) {
      const auto found = ids_.find(character_of(static_cast<unsigned char>(byte)));
      file_.byte_tokens.push_back(found == ids_.end() ? unknown : found->second);
    }
  }

  void read_normalizer(const json& normalizer) {
    if (normalizer.is_null()) return;
    const std::string type = type_of(normalizer);
    if (type == "NFC") {
      file_.compose = true;
    } else if (const json& parts = member(normalizer, "normalizers");
               type == "Sequence" && parts.is_array()) {
      for (const json& part : parts) read_normalizer(part);
    } else {
      throw Wrong("the normalizer " + type + " is not known; NFC is");
    }
  }

  void read_pre_tokenizer(const json& cut) {
    if (byte_level_) throw Wrong("\"pre_tokenizer\" has something after ByteLevel, which is not supported");
    const std::string type = type_of(cut);
    const json& parts = member(cut, "pretokenizers");
    if (type == "Sequence" && parts.is_array()) {
      for (const json& part : parts) read_pre_tokenizer(part);
    } else if (type == "ByteLevel") {
      byte_level_ = true;
      add_step(flag(cut, "use_regex", true) ? byte_level_words : "", flag(cut, "add_prefix_space", true));
    } else if (type == "Digits") {
      add_step(flag(cut, "individual_digits", false) ? "\\p{N}" : "\\p{N}+");
    } else if (type == "Split") {
      read_split(cut);
    } else {
      throw Wrong("the pre-tokenizer " + type + " is not known; ByteLevel, Digits, Split and Sequence are");
    }
  }

  void read_split(const json& cut) {
    const json& pattern = member(cut, "pattern");
    const json& expression = member(pattern, "Regex");
    const json& text = member(pattern, "String");
    const json& behavior = member(cut, "behavior");
    const bool only_matches = behavior == "Removed" && flag(cut, "invert", false);
    if (behavior != "Isolated" && !only_matches)
      throw Wrong("a Split behaves as " + shown(behavior) +
                  "; \"Isolated\" and inverted \"Removed\" are known");
    if (!expression.is_string() && !text.is_string())
      throw Wrong("a Split should have a pattern, but has " + shown(pattern));
    add_step(expression.is_string() ? expression.get<std::string>() : literally(text.get<std::string>()));
    file_.steps.back().keep_rest = !only_matches;
  }

  void add_step(std::string_view expression, bool leading_space = false) {
    WordSplitter::Step step;
    step.leading_space = leading_space;
    if (!expression.empty()) step.pattern.emplace(expression);
    file_.steps.push_back(std::move(step));
  }

  TokenizerFile file_;
  std::unordered_map<std::string, int> ids_;  // by the vocabulary's own spelling
  bool byte_level_ = false;
};

}  // namespace

TokenizerFile TokenizerFile::read(const std::filesystem::path& path) {
  const json file = weights::read_json_file(path);
  try {
    return Reader().read(file);
  } catch (const Wrong& wrong) {
    throw std::runtime_error(path.string() + " is no tokenizer that can be used: " + wrong.what());
  } catch (const std::invalid_argument& wrong_pattern) {
    throw std::runtime_error(path.string() + " is no tokenizer that can be used: " + wrong_pattern.what());
  }
}

}  // namespace parley::text
