// Decoder-only language models of the Llama and Qwen2 architectures, reading and answering for many
// conversations.
//
//   LanguageModel model = LanguageModel::load(bundle.part("brain"), {.threads = 2});
//   KvSlot slot = model.new_slot();
//   auto prompt = model.chat_template().prompt(instructions, tools, items);
//   model.prefill(slot, all but the last of prompt);              // in pieces of any size
//   int token = prompt.back();
//   Sampler sampler(sampling);
//   while (...) token = model.decode({{&slot, token, &sampler}})[0].token;   // together with other
//   conversations
//
// One thread uses a model and its slots at a time (the engine's). No ATen here: others compile without it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/models/causal_lm/sampler.hpp"
#include "engine/text/byte_level_bpe.hpp"
#include "engine/text/chat_template.hpp"
#include "engine/turn.hpp"

namespace parley::causal_lm {

class KvCache;

// What one conversation has read and said: its tokens with their keys and values. A log: it grows at the end
// and is cut back to a length. It must not outlive its model.
class KvSlot {
 public:
  ~KvSlot();
  KvSlot(KvSlot&&) noexcept;
  KvSlot& operator=(KvSlot&&) noexcept;

  int length() const { return static_cast<int>(tokens_.size()); }
  const std::vector<int>& tokens() const { return tokens_; }
  std::size_t bytes() const;  // of memory, blocks shared with other slots counted in full

  void truncate(int length);  // forgets the tokens from `length` on
  // Begins again as the first `length` tokens of `other`, without computing them: whole blocks are shared
  // until one of the two writes to them, so a system prompt is read once for all conversations.
  void copy_from(const KvSlot& other, int length);
  void clear() { truncate(0); }

 private:
  friend class LanguageModel;
  explicit KvSlot(std::unique_ptr<KvCache> cache);

  std::unique_ptr<KvCache> cache_;
  std::vector<int> tokens_;
};

struct LoadOptions {
  int threads = 0;             // of the CPU kernels, the caller's included; 0: as many as there are cores
  std::string device = "cpu";  // or "cuda", "cuda:1"
  bool fused_kernels = true;   // false: plain ATen operations on the CPU too (the reference in tests)
};

struct LanguageModelInfo {
  int context_tokens = 0;  // longest slot
  int vocabulary = 0;
  std::size_t kv_bytes_per_token = 0;
  std::size_t weight_bytes = 0;
  std::vector<int> stop_ids;  // end an answer: the checkpoint's and the chat template's
  engine::Sampling sampling;  // the bundle's own
};

struct DecodeRow {
  KvSlot* slot;
  int token;         // read now: the prompt's last, or what the step before chose
  Sampler* sampler;  // chooses what follows it
};

struct Decoded {
  int token = -1;
  bool finite =
      true;  // false: the logits were NaN or infinite. Nothing was chosen; the slot is as before the step.
};

class LanguageModel {
 public:
  // The folder holds config.json, model.safetensors and tokenizer.json as scripts/convert/language_model.py
  // writes them. Throws std::runtime_error with a sentence when something is missing or does not fit
  // together.
  static LanguageModel load(const std::filesystem::path& folder, const LoadOptions& options = {});
  ~LanguageModel();
  LanguageModel(LanguageModel&&) noexcept;
  LanguageModel& operator=(LanguageModel&&) noexcept;

  const LanguageModelInfo& info() const;
  const text::ByteLevelBpe& tokenizer() const;
  const text::ChatTemplate& chat_template() const;

  KvSlot new_slot() const;

  // Reads `ids` into the slot. Any piece size gives the same result; large ones cost less a token (from 8
  // on). Throws std::length_error when the slot would exceed the context, std::out_of_range for an unknown
  // id; the slot is unchanged then.
  void prefill(KvSlot& slot, std::span<const int> ids);

  // One step for any mix of slots, at whatever lengths: each reads its token and chooses the next. A row's
  // result is the same in every mix. Throws like prefill, before any slot is changed.
  std::vector<Decoded> decode(std::span<const DecodeRow> rows);

  // Reads `token` and gives all logits of what follows [vocabulary]: for tests and for scoring.
  std::vector<float> logits(KvSlot& slot, int token);

 private:
  class Impl;
  explicit LanguageModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::causal_lm
