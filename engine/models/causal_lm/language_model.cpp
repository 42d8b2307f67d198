#include "engine/models/causal_lm/language_model.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/json_file.hpp"

namespace parley::causal_lm {
namespace {

using nlohmann::json;

engine::Sampling read_sampling(const json& config, const std::string& where) {
  engine::Sampling sampling;
  if (!config.contains("sampling")) return sampling;
  try {
    const json& object = config.at("sampling");
    sampling.temperature = object.value("temperature", sampling.temperature);
    sampling.top_p = object.value("top_p", sampling.top_p);
    sampling.top_k = object.value("top_k", sampling.top_k);
    sampling.repetition_penalty = object.value("repetition_penalty", sampling.repetition_penalty);
  } catch (const json::exception& error) {
    throw std::runtime_error(where + ": sampling must be an object of numbers; " + error.what());
  }
  if (!(sampling.temperature >= 0.0F) || !(sampling.top_p > 0.0F) || sampling.top_k < 0 ||
      !(sampling.repetition_penalty > 0.0F))
    throw std::runtime_error(
        where +
        ": sampling is out of range; expected temperature >= 0, top_p > 0, top_k >= 0 and "
        "repetition_penalty > 0");
  return sampling;
}

// The checkpoint's own ends of an answer and the chat template's.
std::vector<int> read_stop_ids(const json& config, const text::ChatTemplate& chat, const std::string& where) {
  std::vector<int> ids = chat.stop_ids();
  if (config.contains("eos_token_id") && !config.at("eos_token_id").is_null()) {
    const json& ends = config.at("eos_token_id");
    for (const json& id : ends.is_array() ? ends : json::array({ends})) {
      if (!id.is_number_integer())
        throw std::runtime_error(where + ": eos_token_id holds " + id.dump() + "; expected whole numbers");
      ids.push_back(id.get<int>());
    }
  }
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

}  // namespace

class LanguageModel::Impl {
 public:
  Impl(const std::filesystem::path& folder, const LoadOptions& options)
      : file_((folder / "config.json").string()),
        json_(weights::read_json_file(file_)),
        tokenizer_(text::ByteLevelBpe::open(folder / "tokenizer.json")),
        chat_template_(chat_settings(), tokenizer_),
        model_(TokenModel::load(folder, options)),
        info_{model_.info(), read_stop_ids(json_, chat_template_, file_), read_sampling(json_, file_)} {
    if (tokenizer_.size() > info_.vocabulary)
      throw std::runtime_error(folder.string() + ": the tokenizer has " + std::to_string(tokenizer_.size()) +
                               " tokens, the model " + std::to_string(info_.vocabulary) +
                               "; both must come from the same checkpoint");
  }

  const LanguageModelInfo& info() const { return info_; }
  const text::ByteLevelBpe& tokenizer() const { return tokenizer_; }
  const text::ChatTemplate& chat_template() const { return chat_template_; }
  TokenModel& model() { return model_; }

 private:
  text::ChatTemplateSettings chat_settings() const {
    if (!json_.contains("chat_template")) throw std::runtime_error(file_ + ": chat_template is missing");
    return text::ChatTemplateSettings::read(json_.at("chat_template"));
  }

  std::string file_;
  json json_;
  text::ByteLevelBpe tokenizer_;
  text::ChatTemplate chat_template_;
  TokenModel model_;
  LanguageModelInfo info_;
};

LanguageModel::LanguageModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LanguageModel::~LanguageModel() = default;
LanguageModel::LanguageModel(LanguageModel&&) noexcept = default;
LanguageModel& LanguageModel::operator=(LanguageModel&&) noexcept = default;

LanguageModel LanguageModel::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return LanguageModel(std::make_unique<Impl>(folder, options));
}

const LanguageModelInfo& LanguageModel::info() const { return impl_->info(); }
const text::ByteLevelBpe& LanguageModel::tokenizer() const { return impl_->tokenizer(); }
const text::ChatTemplate& LanguageModel::chat_template() const { return impl_->chat_template(); }

KvSlot LanguageModel::new_slot() const { return impl_->model().new_slot(); }

void LanguageModel::prefill(KvSlot& slot, std::span<const int> ids) { impl_->model().prefill(slot, ids); }

std::vector<Decoded> LanguageModel::decode(std::span<const DecodeRow> rows) {
  return impl_->model().decode(rows);
}

std::vector<float> LanguageModel::logits(KvSlot& slot, int token) {
  return impl_->model().logits(slot, token);
}

}  // namespace parley::causal_lm
