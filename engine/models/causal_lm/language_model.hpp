// Decoder-only language models of the Llama and Qwen2 architectures, reading and answering for many
// conversations: a TokenModel with its tokenizer and its chat template.
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

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/models/causal_lm/token_model.hpp"
#include "engine/text/byte_level_bpe.hpp"
#include "engine/text/chat_template.hpp"
#include "engine/turn.hpp"

namespace parley::causal_lm {

struct LanguageModelInfo : TokenModelInfo {
  std::vector<int> stop_ids;  // end an answer: the checkpoint's and the chat template's
  engine::Sampling sampling;  // the bundle's own
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

  // As of TokenModel.
  void prefill(KvSlot& slot, std::span<const int> ids);
  std::vector<Decoded> decode(std::span<const DecodeRow> rows);
  std::vector<float> logits(KvSlot& slot, int token);

 private:
  class Impl;
  explicit LanguageModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::causal_lm
