// A decoder on token ids: reading and answering for many conversations, without text.
//
//   TokenModel model = TokenModel::load(bundle.part("model"), {.threads = 2, .precision = Precision::int8});
//   KvSlot slot = model.new_slot();
//   model.prefill(slot, all but the last of prompt);              // in pieces of any size
//   int token = prompt.back();
//   Sampler sampler(sampling);
//   while (...) token = model.decode({{&slot, token, &sampler}})[0].token;   // together with other
//   conversations
//
// advance() does the same without the host being waited for between two steps, where the device can choose
// tokens itself (answer.hpp).
//
// Ids below 0 stand for rows that the caller embedded itself (EmbeddedRows): speech in the place of words.
// LanguageModel puts a tokenizer and a chat template around a TokenModel.
//
// One thread uses a model and its slots at a time (the engine's). No ATen here: others compile without it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/models/causal_lm/answer.hpp"
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"
#include "engine/models/causal_lm/decoder/precision.hpp"
#include "engine/models/causal_lm/sampler.hpp"

namespace parley::causal_lm {

class KvCache;
class Network;
struct DecoderCheckpoint;
struct DecoderConfig;

// What one conversation has read and said: its tokens with their keys and values. A log: it grows at the end
// and is cut back to a length. It must not outlive its model.
class KvSlot {
 public:
  ~KvSlot();
  KvSlot(KvSlot&&) noexcept;
  KvSlot& operator=(KvSlot&&) noexcept;

  int length() const { return static_cast<int>(tokens_.size()); }
  const std::vector<int>& tokens() const { return tokens_; }  // and ids of EmbeddedRows
  std::size_t bytes() const;  // of memory, blocks shared with other slots counted in full

  void truncate(int length);  // forgets the tokens from `length` on
  // Begins again as the first `length` tokens of `other`, without computing them: whole blocks are shared
  // until one of the two writes to them, so a system prompt is read once for all conversations.
  void copy_from(const KvSlot& other, int length);
  void clear() { truncate(0); }

 private:
  friend class TokenModel;
  explicit KvSlot(std::unique_ptr<KvCache> cache);

  std::unique_ptr<KvCache> cache_;
  std::vector<int> tokens_;
};

struct LoadOptions {
  int threads = 0;             // of the CPU kernels, the caller's included; 0: as many as there are cores
  std::string device = "cpu";  // or "cuda", "cuda:1"
  bool fused_kernels = true;   // false: plain ATen operations on the CPU too (the reference in tests)
  // On the CPU the kernels do all but float32, which plain operations do exactly. On CUDA: as_stored is
  // bfloat16.
  Precision precision = Precision::as_stored;
  bool graphs = false;  // of plain operations: decode steps on CUDA are captured once and then replayed
  // Of plain operations: the device chooses the tokens of advance(), a step ahead of the host. Pays on CUDA.
  bool ahead = false;
};

struct TokenModelInfo {
  int context_tokens = 0;  // longest slot
  int vocabulary = 0;
  int hidden_size = 0;  // width of EmbeddedRows
  std::size_t kv_bytes_per_token = 0;
  std::size_t weight_bytes = 0;
};

struct PrefillRow {
  KvSlot* slot;
  std::span<const int> ids;
};

struct DecodeRow {
  KvSlot* slot;
  int token;         // read now: the prompt's last, or what the step before chose
  Sampler* sampler;  // chooses what follows it
};

struct AdvanceRow {
  KvSlot* slot;
  Answer* answer;
  bool starts = true;  // false: only what is under way is waited for
};

class TokenModel {
 public:
  // The folder holds config.json (of the types llama, qwen2 or step_audio_2) and model.safetensors or its
  // shards with their index; what belongs to an audio encoder is left alone. Throws std::runtime_error with a
  // sentence when something is missing or does not fit together.
  static TokenModel load(const std::filesystem::path& folder, const LoadOptions& options = {});
  // From weights that are in memory already: measurements at sizes nobody has a file of.
  static TokenModel build(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                          const LoadOptions& options = {});
  ~TokenModel();
  TokenModel(TokenModel&&) noexcept;
  TokenModel& operator=(TokenModel&&) noexcept;

  const TokenModelInfo& info() const { return info_; }

  KvSlot new_slot() const;

  // Reads `ids` into the slot. Any piece size gives the same result; large ones cost less a token (from 8
  // on). Throws std::length_error when the slot would exceed the context, std::out_of_range for an unknown
  // id; the slot is unchanged then.
  void prefill(KvSlot& slot, std::span<const int> ids);
  // The same for several slots, in one pass where the device gains by it. No slot may stand in two rows.
  void prefill(std::span<const PrefillRow> rows);

  // One step for any mix of slots, at whatever lengths: each reads its token and chooses the next. A row's
  // result is the same in every mix. Throws like prefill, before any slot is changed.
  std::vector<Decoded> decode(std::span<const DecodeRow> rows);

  // An answer of this model, which it must not outlive. The device can choose with Penalised::all, or
  // without a penalty.
  Answer begin_answer(const engine::Sampling& sampling, Penalised penalised = Penalised::lately);

  // One step further for any mix of answers. Where the host chooses, a row is given the token that its step
  // chose, and its slot ends with the token before. Where the device chooses, the row's next step is started
  // first, and then it is given what the step before chose: nothing the first time; that token lies in the
  // slot already, as the step under way reads it (Answer::take_back). Either way the same tokens come from
  // the same seed. Throws like prefill, before any slot is changed, and std::invalid_argument where rows of
  // both kinds are mixed.
  std::vector<std::optional<Decoded>> advance(std::span<const AdvanceRow> rows);

  // Reads `token` and gives all logits of what follows [vocabulary]: for tests and for dumps.
  std::vector<float> logits(KvSlot& slot, int token);

  // Reads all of `ids` but the last and gives, for each but the first, the natural logarithm of its
  // probability given all before it [ids - 1]; NaN where the id is one of EmbeddedRows, which have none.
  std::vector<double> log_probabilities(KvSlot& slot, std::span<const int> ids);

 private:
  TokenModel(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, const LoadOptions& options);
  void check_id(int id) const;  // a token or one of EmbeddedRows
  void check_token(int id) const;
  void check_room(const KvSlot& slot, std::size_t more) const;
  std::vector<std::optional<Decoded>> advance_by_host(std::span<const AdvanceRow> rows);
  std::vector<std::optional<Decoded>> advance_ahead(std::span<const AdvanceRow> rows);
  std::shared_ptr<StartedStep> start(std::span<const AdvanceRow> rows);
  std::span<float> logits_of(std::size_t rows);

  TokenModelInfo info_;
  std::unique_ptr<Network> network_;
  ChoosingNetwork* choosing_ = nullptr;  // the same, where the device chooses the tokens of advance()
  std::vector<float> logits_;            // [rows, vocabulary]
};

}  // namespace parley::causal_lm
