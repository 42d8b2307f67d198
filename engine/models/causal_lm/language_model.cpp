#include "engine/models/causal_lm/language_model.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/models/causal_lm/decoder/network.hpp"
#include "engine/models/causal_lm/fused/fused_network.hpp"
#if defined(PARLEY_WITH_TORCH)
#include "engine/models/causal_lm/aten/aten_network.hpp"
#endif
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

std::unique_ptr<Network> build(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                               const LoadOptions& options) {
  if (options.device == "cpu" && options.fused_kernels && FusedNetwork::supports(config))
    return std::make_unique<FusedNetwork>(config, checkpoint, options.threads);
#if defined(PARLEY_WITH_TORCH)
  return std::make_unique<AtenNetwork>(config, checkpoint, options.device);
#else
  throw std::runtime_error(
      "the device \"" + options.device +
      "\" needs LibTorch, and so do heads that are no multiple of 16 wide; this build is "
      "without it. Build with PARLEY_TORCH=ON");
#endif
}

}  // namespace

KvSlot::KvSlot(std::unique_ptr<KvCache> cache) : cache_(std::move(cache)) {}
KvSlot::~KvSlot() = default;
KvSlot::KvSlot(KvSlot&&) noexcept = default;
KvSlot& KvSlot::operator=(KvSlot&&) noexcept = default;

std::size_t KvSlot::bytes() const { return cache_->bytes(); }

void KvSlot::truncate(int length) {
  if (length < 0 || length > this->length())
    throw std::out_of_range("a slot of " + std::to_string(this->length()) + " tokens cannot be cut to " +
                            std::to_string(length));
  tokens_.resize(static_cast<std::size_t>(length));
  cache_->truncate(length);
}

void KvSlot::copy_from(const KvSlot& other, int length) {
  if (length < 0 || length > other.length())
    throw std::out_of_range("a slot of " + std::to_string(other.length()) + " tokens cannot give " +
                            std::to_string(length));
  std::vector<int> tokens(other.tokens_.begin(), other.tokens_.begin() + length);
  cache_->copy_from(*other.cache_, length);
  tokens_ = std::move(tokens);
}

class LanguageModel::Impl {
 public:
  Impl(const std::filesystem::path& folder, const LoadOptions& options)
      : file_((folder / "config.json").string()),
        json_(weights::read_json_file(file_)),
        config_(DecoderConfig::read(json_, file_)),
        tokenizer_(text::ByteLevelBpe::open(folder / "tokenizer.json")),
        chat_template_(chat_settings(), tokenizer_) {
    info_.context_tokens = config_.max_position_embeddings;
    info_.vocabulary = config_.vocab_size;
    info_.stop_ids = read_stop_ids(json_, chat_template_, file_);
    info_.sampling = read_sampling(json_, file_);
    if (tokenizer_.size() > config_.vocab_size)
      throw std::runtime_error(folder.string() + ": the tokenizer has " + std::to_string(tokenizer_.size()) +
                               " tokens, the model " + std::to_string(config_.vocab_size) +
                               "; both must come from the same checkpoint");
    network_ = build(config_, DecoderCheckpoint::open(folder, config_), options);
    info_.kv_bytes_per_token = network_->kv_bytes_per_token();
    info_.weight_bytes = network_->weight_bytes();
  }

  const LanguageModelInfo& info() const { return info_; }
  const text::ByteLevelBpe& tokenizer() const { return tokenizer_; }
  const text::ChatTemplate& chat_template() const { return chat_template_; }
  Network& network() { return *network_; }

  void check_id(int id) const {
    if (id < 0 || id >= info_.vocabulary)
      throw std::out_of_range("there is no token " + std::to_string(id) + "; ids are 0 .. " +
                              std::to_string(info_.vocabulary - 1));
  }
  void check_room(const KvSlot& slot, std::size_t more) const {
    if (more > static_cast<std::size_t>(info_.context_tokens - slot.length()))
      throw std::length_error("a conversation of " + std::to_string(slot.length()) +
                              " tokens cannot grow by " + std::to_string(more) +
                              "; the model reads at most " + std::to_string(info_.context_tokens));
  }

  std::vector<float>& logits(std::size_t rows) {
    const std::size_t size = rows * static_cast<std::size_t>(info_.vocabulary);
    if (logits_.size() < size) logits_.resize(size);
    return logits_;
  }

 private:
  text::ChatTemplateSettings chat_settings() const {
    if (!json_.contains("chat_template")) throw std::runtime_error(file_ + ": chat_template is missing");
    return text::ChatTemplateSettings::read(json_.at("chat_template"));
  }

  std::string file_;
  json json_;
  DecoderConfig config_;
  text::ByteLevelBpe tokenizer_;
  text::ChatTemplate chat_template_;
  LanguageModelInfo info_;
  std::unique_ptr<Network> network_;
  std::vector<float> logits_;  // [rows, vocabulary]
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

KvSlot LanguageModel::new_slot() const { return KvSlot(impl_->network().new_cache()); }

void LanguageModel::prefill(KvSlot& slot, std::span<const int> ids) {
  for (const int id : ids) impl_->check_id(id);
  impl_->check_room(slot, ids.size());
  if (ids.empty()) return;
  slot.tokens_.reserve(slot.tokens_.size() + ids.size());
  impl_->network().read(*slot.cache_, slot.length(), ids);
  slot.tokens_.insert(slot.tokens_.end(), ids.begin(), ids.end());
}

std::vector<Decoded> LanguageModel::decode(std::span<const DecodeRow> rows) {
  if (rows.empty()) return {};
  std::vector<StepRow> step;
  for (const DecodeRow& row : rows) {
    impl_->check_id(row.token);
    impl_->check_room(*row.slot, 1);
    if (std::ranges::any_of(step,
                            [&](const StepRow& other) { return other.cache == row.slot->cache_.get(); }))
      throw std::invalid_argument(
          "a slot can read only one token a step, but two rows of the batch share one");
    step.push_back({row.slot->cache_.get(), row.slot->length(), row.token});
    row.slot->tokens_.reserve(row.slot->tokens_.size() + 1);
  }
  const std::vector<float>& logits = impl_->logits(rows.size());
  const auto vocabulary = static_cast<std::size_t>(impl_->info().vocabulary);
  impl_->network().step(step, impl_->logits(rows.size()));
  std::vector<Decoded> decoded(rows.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    try {
      decoded[index].token =
          rows[index].sampler->next(std::span(logits).subspan(index * vocabulary, vocabulary));
      rows[index].slot->tokens_.push_back(rows[index].token);
    } catch (const std::domain_error&) {  // reported to the caller row by row
      decoded[index].finite = false;
    }
  }
  return decoded;
}

std::vector<float> LanguageModel::logits(KvSlot& slot, int token) {
  impl_->check_id(token);
  impl_->check_room(slot, 1);
  std::vector<float> logits(static_cast<std::size_t>(impl_->info().vocabulary));
  const StepRow row{slot.cache_.get(), slot.length(), token};
  slot.tokens_.reserve(slot.tokens_.size() + 1);
  impl_->network().step({&row, 1}, logits);
  slot.tokens_.push_back(token);
  return logits;
}

}  // namespace parley::causal_lm
