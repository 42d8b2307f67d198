#include "engine/models/causal_lm/token_model.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
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

constexpr std::size_t scored_at_once = 32;  // ids whose logits are in memory at a time

std::unique_ptr<Network> build_network(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                                       const LoadOptions& options) {
  if (options.device == "cpu" && options.fused_kernels && options.precision != Precision::float32 &&
      FusedNetwork::supports(config))
    return std::make_unique<FusedNetwork>(config, checkpoint, options.precision, options.threads);
#if defined(PARLEY_WITH_TORCH)
  return std::make_unique<AtenNetwork>(config, checkpoint, options.precision, options.device, options.graphs);
#else
  throw std::runtime_error(
      "the device \"" + options.device +
      "\" needs LibTorch, and so do exact float32 and heads that are no multiple of 16 wide; this build is "
      "without it. Build with PARLEY_TORCH=ON");
#endif
}

double log_probability(std::span<const float> logits, int id) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return static_cast<double>(logits[static_cast<std::size_t>(id)]) - largest - std::log(sum);
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

TokenModel::TokenModel(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                       const LoadOptions& options)
    : network_(build_network(config, checkpoint, options)),
      choosing_(options.ahead ? dynamic_cast<ChoosingNetwork*>(network_.get()) : nullptr) {
  info_.context_tokens = config.max_position_embeddings;
  info_.vocabulary = config.vocab_size;
  info_.hidden_size = config.hidden_size;
  info_.kv_bytes_per_token = network_->kv_bytes_per_token();
  info_.weight_bytes = network_->weight_bytes();
}

TokenModel::~TokenModel() = default;
TokenModel::TokenModel(TokenModel&&) noexcept = default;
TokenModel& TokenModel::operator=(TokenModel&&) noexcept = default;

TokenModel TokenModel::load(const std::filesystem::path& folder, const LoadOptions& options) {
  const std::string file = (folder / "config.json").string();
  const DecoderConfig config = DecoderConfig::read(weights::read_json_file(file), file);
  return {config, DecoderCheckpoint::open(folder, config), options};
}

TokenModel TokenModel::build(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                             const LoadOptions& options) {
  return {config, checkpoint, options};
}

void TokenModel::check_id(int id) const {
  if (id < 0) {
    const EmbeddedRows::Found rows = EmbeddedRows::find(id);
    if (rows.values == nullptr)
      throw std::out_of_range("there are no embedded rows with the id " + std::to_string(id) +
                              "; they must live until they are read");
    if (rows.width != info_.hidden_size)
      throw std::out_of_range("embedded rows are " + std::to_string(rows.width) +
                              " wide, the model reads rows of " + std::to_string(info_.hidden_size));
  } else {
    check_token(id);
  }
}

void TokenModel::check_token(int id) const {
  if (id < 0 || id >= info_.vocabulary)
    throw std::out_of_range("there is no token " + std::to_string(id) + "; ids are 0 .. " +
                            std::to_string(info_.vocabulary - 1));
}

void TokenModel::check_room(const KvSlot& slot, std::size_t more) const {
  if (more > static_cast<std::size_t>(info_.context_tokens - slot.length()))
    throw std::length_error("a conversation of " + std::to_string(slot.length()) + " tokens cannot grow by " +
                            std::to_string(more) + "; the model reads at most " +
                            std::to_string(info_.context_tokens));
}

std::span<float> TokenModel::logits_of(std::size_t rows) {
  const std::size_t size = rows * static_cast<std::size_t>(info_.vocabulary);
  if (logits_.size() < size) logits_.resize(size);
  return std::span(logits_).first(size);
}

KvSlot TokenModel::new_slot() const { return KvSlot(network_->new_cache()); }

void TokenModel::prefill(KvSlot& slot, std::span<const int> ids) {
  const PrefillRow row{&slot, ids};
  prefill({&row, 1});
}

void TokenModel::prefill(std::span<const PrefillRow> rows) {
  std::vector<ReadRow> reads;
  for (const PrefillRow& row : rows) {
    for (const int id : row.ids) check_id(id);
    check_room(*row.slot, row.ids.size());
    if (row.ids.empty()) continue;
    if (std::ranges::any_of(reads,
                            [&](const ReadRow& other) { return other.cache == row.slot->cache_.get(); }))
      throw std::invalid_argument("a slot can be read into once a pass, but two rows of the batch share one");
    row.slot->tokens_.reserve(row.slot->tokens_.size() + row.ids.size());
    reads.push_back({row.slot->cache_.get(), row.slot->length(), row.ids});
  }
  if (reads.empty()) return;
  network_->read(reads);
  for (const PrefillRow& row : rows)
    row.slot->tokens_.insert(row.slot->tokens_.end(), row.ids.begin(), row.ids.end());
}

std::vector<Decoded> TokenModel::decode(std::span<const DecodeRow> rows) {
  if (rows.empty()) return {};
  std::vector<StepRow> step;
  for (const DecodeRow& row : rows) {
    check_id(row.token);
    check_room(*row.slot, 1);
    if (std::ranges::any_of(step,
                            [&](const StepRow& other) { return other.cache == row.slot->cache_.get(); }))
      throw std::invalid_argument(
          "a slot can read only one token a step, but two rows of the batch share one");
    step.push_back({row.slot->cache_.get(), row.slot->length(), row.token});
    row.slot->tokens_.reserve(row.slot->tokens_.size() + 1);
  }
  const std::span<float> logits = logits_of(rows.size());
  network_->step(step, logits);
  const auto vocabulary = static_cast<std::size_t>(info_.vocabulary);
  std::vector<Decoded> decoded(rows.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    try {
      decoded[index].token = rows[index].sampler->next(logits.subspan(index * vocabulary, vocabulary));
      rows[index].slot->tokens_.push_back(rows[index].token);
    } catch (const std::domain_error&) {  // reported to the caller row by row
      decoded[index].finite = false;
    }
  }
  return decoded;
}

Answer TokenModel::begin_answer(const engine::Sampling& sampling, Penalised penalised) {
  const bool knows_penalty = penalised == Penalised::all || sampling.repetition_penalty == 1.0F;
  ChoosingNetwork* choosing = knows_penalty ? choosing_ : nullptr;
  return {Sampler(sampling, penalised), choosing, choosing ? choosing->new_lane(sampling) : nullptr};
}

std::vector<std::optional<Decoded>> TokenModel::advance(std::span<const AdvanceRow> rows) {
  const auto by_device = [](const AdvanceRow& row) { return row.answer->lane_ != nullptr; };
  if (std::ranges::none_of(rows, by_device)) return advance_by_host(rows);
  if (!std::ranges::all_of(rows, by_device))
    throw std::invalid_argument(
        "tokens of a pass are chosen in one place, but of its answers some draw on the device and some here");
  return advance_ahead(rows);
}

std::vector<std::optional<Decoded>> TokenModel::advance_by_host(std::span<const AdvanceRow> rows) {
  std::vector<DecodeRow> step;
  for (const AdvanceRow& row : rows)
    if (row.starts) step.push_back({row.slot, row.answer->next_.value(), &row.answer->sampler_});
  const std::vector<Decoded> chosen = decode(step);
  std::vector<std::optional<Decoded>> result(rows.size());
  auto next = chosen.begin();
  for (std::size_t index = 0; index < rows.size(); ++index) {
    if (!rows[index].starts) continue;
    if (next->finite) rows[index].answer->next_ = next->token;
    result[index] = *next++;
  }
  return result;
}

std::vector<std::optional<Decoded>> TokenModel::advance_ahead(std::span<const AdvanceRow> rows) {
  std::vector<AdvanceRow> starting;
  std::ranges::copy_if(rows, std::back_inserter(starting), &AdvanceRow::starts);
  const std::shared_ptr<StartedStep> started = start(starting);
  std::vector<std::optional<Decoded>> result(rows.size());
  std::size_t at = 0;  // in `starting`
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const auto& [slot, answer, starts] = rows[index];
    const std::size_t row = at;
    if (starts) ++at;
    if (answer->step_) {
      result[index] = answer->finish_step();
      if (!result[index]->finite) {
        slot->truncate(slot->length() - 1);
        continue;
      }
    }
    if (!starts) continue;
    slot->tokens_.push_back(answer->next_.value());
    answer->next_.reset();
    answer->step_ = started;
    answer->row_ = row;
  }
  return result;
}

// Starts a step of each row. It leaves slots as they are, and answers but for what they drew; that is given
// back where it throws.
std::shared_ptr<StartedStep> TokenModel::start(std::span<const AdvanceRow> rows) {
  if (rows.empty()) return nullptr;
  std::vector<ChoosingRow> step;
  for (const auto& [slot, answer, starts] : rows) {
    if (!answer->step_) check_token(answer->next_.value());
    check_room(*slot, 1);
    const KvCache* cache = slot->cache_.get();
    if (std::ranges::any_of(step, [&](const ChoosingRow& other) { return other.cache == cache; }))
      throw std::invalid_argument(
          "a slot can read only one token a step, but two rows of the batch share one");
    step.push_back({slot->cache_.get(), slot->length(), answer->step_ ? std::nullopt : answer->next_,
                    answer->lane_.get(), /*drawn=*/0});
    slot->tokens_.reserve(slot->tokens_.size() + 1);
  }
  for (std::size_t row = 0; row < rows.size(); ++row) step[row].drawn = rows[row].answer->sampler_.draw();
  try {
    const std::shared_ptr<StartedStep> started = choosing_->start(step);
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row].answer->drawn_ = step[row].drawn;
    return started;
  } catch (...) {
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row].answer->sampler_.put_back(step[row].drawn);
    throw;
  }
}

std::vector<float> TokenModel::logits(KvSlot& slot, int token) {
  check_id(token);
  check_room(slot, 1);
  std::vector<float> logits(static_cast<std::size_t>(info_.vocabulary));
  const StepRow row{slot.cache_.get(), slot.length(), token};
  slot.tokens_.reserve(slot.tokens_.size() + 1);
  network_->step({&row, 1}, logits);
  slot.tokens_.push_back(token);
  return logits;
}

std::vector<double> TokenModel::log_probabilities(KvSlot& slot, std::span<const int> ids) {
  if (ids.size() < 2) return {};
  for (const int id : ids) check_id(id);
  const std::span<const int> read = ids.first(ids.size() - 1);
  check_room(slot, read.size());
  slot.tokens_.reserve(slot.tokens_.size() + read.size());
  const auto vocabulary = static_cast<std::size_t>(info_.vocabulary);
  std::vector<double> result;
  for (std::size_t first = 0; first < read.size(); first += scored_at_once) {
    const std::span<const int> piece = read.subspan(first, std::min(scored_at_once, read.size() - first));
    const std::span<float> logits = logits_of(piece.size());
    network_->read_all({slot.cache_.get(), slot.length(), piece}, logits);
    slot.tokens_.insert(slot.tokens_.end(), piece.begin(), piece.end());
    for (std::size_t index = 0; index < piece.size(); ++index) {
      const int next = ids[first + index + 1];
      result.push_back(next < 0 ? std::numeric_limits<double>::quiet_NaN()
                                : log_probability(logits.subspan(index * vocabulary, vocabulary), next));
    }
  }
  return result;
}

}  // namespace parley::causal_lm
