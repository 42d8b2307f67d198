#include "engine/text/byte_level_bpe.hpp"

#include <unordered_map>
#include <utility>

#include "engine/text/added_tokens.hpp"
#include "engine/text/merges.hpp"
#include "engine/text/normalization.hpp"
#include "engine/text/tokenizer_file.hpp"
#include "engine/text/utf8.hpp"
#include "engine/text/word_splitter.hpp"

namespace parley::text {
namespace {

std::vector<AddedToken> tokens_where(const TokenizerFile& file, bool normalized) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : file.added) {
    if (token.normalized != normalized) continue;
    if (normalized && file.compose) token.content = composed(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

struct ByteLevelBpe::Model {
  struct Encoder;

  explicit Model(TokenizerFile file)
      : in_text(tokens_where(file, /*normalized=*/false)),
        in_normalized_text(tokens_where(file, /*normalized=*/true)),
        compose(file.compose),
        splitter(std::move(file.steps)),
        merges(file.merges),
        byte_tokens(std::move(file.byte_tokens)),
        bytes(std::move(file.bytes)),
        special(bytes.size(), false) {
    std::vector<bool> is_added(bytes.size(), false);
    for (const AddedToken& token : file.added) {
      added.emplace(token.content, token.id);
      special[static_cast<std::size_t>(token.id)] = token.special;
      is_added[static_cast<std::size_t>(token.id)] = true;
    }
    if (!file.whole_words) return;
    for (std::size_t id = 0; id < bytes.size(); ++id)
      if (!is_added[id] && !bytes[id].empty()) whole_words.emplace(bytes[id], static_cast<int>(id));
  }

  AddedTokens in_text, in_normalized_text;
  bool compose;
  WordSplitter splitter;
  Merges merges;
  std::vector<int> byte_tokens;
  std::vector<std::string> bytes;
  std::vector<bool> special;
  std::unordered_map<std::string_view, int> whole_words;  // empty where words are always merged
  std::unordered_map<std::string, int> added;
};

// One call's scratch memory on the way from words to tokens.
struct ByteLevelBpe::Model::Encoder {
  explicit Encoder(const Model& model_in_use) : model(model_in_use), words(model.splitter) {}

  // Of text without added tokens.
  void encode(std::string_view text, std::vector<int>& ids) {
    for (const std::string_view word : words.of(text)) {
      if (const auto whole = model.whole_words.find(word); whole != model.whole_words.end()) {
        ids.push_back(whole->second);
        continue;
      }
      tokens.clear();
      for (const char byte : word)
        if (const int token = model.byte_tokens[static_cast<unsigned char>(byte)]; token >= 0)
          tokens.push_back(token);
      model.merges.apply(tokens, workspace);
      ids.insert(ids.end(), tokens.begin(), tokens.end());
    }
  }

  const Model& model;
  WordSplitter::Words words;
  std::vector<int> tokens;
  Merges::Workspace workspace;
};

ByteLevelBpe ByteLevelBpe::open(const std::filesystem::path& tokenizer_json) {
  return ByteLevelBpe(std::make_unique<const Model>(TokenizerFile::read(tokenizer_json)));
}

ByteLevelBpe::ByteLevelBpe(std::unique_ptr<const Model> model) : model_(std::move(model)) {}
ByteLevelBpe::~ByteLevelBpe() = default;
ByteLevelBpe::ByteLevelBpe(ByteLevelBpe&&) noexcept = default;
ByteLevelBpe& ByteLevelBpe::operator=(ByteLevelBpe&&) noexcept = default;

std::vector<int> ByteLevelBpe::encode(std::string_view text, SpecialTokens special) const {
  std::string repaired;
  if (!is_utf8(text)) text = repaired = repaired_utf8(text);
  const bool with_special = special == SpecialTokens::parsed;
  Model::Encoder encoder(*model_);
  std::vector<int> ids;
  for (const AddedTokens::Part& part : model_->in_text.split(text, with_special)) {
    if (part.token != AddedTokens::Part::no_token) {
      ids.push_back(part.token);
      continue;
    }
    std::string normalized;
    std::string_view plain = part.text;
    if (model_->compose && !surely_composed(plain)) plain = normalized = composed(plain);
    for (const AddedTokens::Part& inner : model_->in_normalized_text.split(plain, with_special)) {
      if (inner.token != AddedTokens::Part::no_token)
        ids.push_back(inner.token);
      else
        encoder.encode(inner.text, ids);
    }
  }
  return ids;
}

std::string ByteLevelBpe::decode(std::span<const int> ids, bool show_special) const {
  std::string bytes;
  for (const int id : ids)
    if (show_special || !is_special(id)) bytes += bytes_of(id);
  return repaired_utf8(bytes);
}

int ByteLevelBpe::size() const { return static_cast<int>(model_->bytes.size()); }

std::string_view ByteLevelBpe::bytes_of(int id) const {
  return id >= 0 && id < size() ? std::string_view(model_->bytes[static_cast<std::size_t>(id)])
                                : std::string_view();
}

bool ByteLevelBpe::is_special(int id) const {
  return id >= 0 && id < size() && model_->special[static_cast<std::size_t>(id)];
}

std::optional<int> ByteLevelBpe::id_of(std::string_view added_token) const {
  const auto found = model_->added.find(std::string(added_token));
  if (found == model_->added.end()) return std::nullopt;
  return found->second;
}

}  // namespace parley::text
