// The small random checkpoints of test/parity/causal_lm, as they are or with something wrong in them.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/models/causal_lm/language_model.hpp"
#include "engine/weights/json_file.hpp"
#include "engine/weights/safetensors.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley::test {

inline std::filesystem::path parity_folder() { return PARLEY_SOURCE_DIR "/test/parity/causal_lm"; }
inline std::filesystem::path tiny(const std::string& name) { return parity_folder() / name; }

template <typename Number>
std::vector<Number> numbers(const weights::Safetensors& file, const std::string& name) {
  const weights::TensorView& view = file.at(name);
  std::vector<Number> values(view.bytes.size() / sizeof(Number));
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

// A copy of a tiny checkpoint whose config.json is changed by `change`.
template <typename Change>
void copy_with_config(const std::filesystem::path& from, const std::filesystem::path& to, Change&& change) {
  for (const char* name : {"model.safetensors", "tokenizer.json"})
    std::filesystem::copy_file(from / name, to / name, std::filesystem::copy_options::overwrite_existing);
  nlohmann::json config = weights::read_json_file(from / "config.json");
  change(config);
  std::ofstream(to / "config.json") << config;
}

inline engine::Sampling greedy() { return {}; }

// Greedy tokens after `prompt`.
inline std::vector<int> answer(causal_lm::LanguageModel& model, causal_lm::KvSlot& slot,
                               const std::vector<int>& prompt, int count,
                               const engine::Sampling& sampling = greedy()) {
  causal_lm::Sampler sampler(sampling);
  model.prefill(slot, std::span(prompt).first(prompt.size() - 1));
  std::vector<int> tokens;
  for (int token = prompt.back(); static_cast<int>(tokens.size()) < count; tokens.push_back(token)) {
    const causal_lm::DecodeRow row{&slot, token, &sampler};
    token = model.decode({&row, 1})[0].token;
  }
  return tokens;
}

}  // namespace parley::test
