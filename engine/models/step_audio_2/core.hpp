// What every use of the model needs, loaded from a bundle: its words, its prompts, its ear and its language
// model. Speaking is apart (voices.hpp): scoring and text answers do without.
//
// One thread at a time (the engine's). No ATen here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/models/causal_lm/token_model.hpp"
#include "engine/models/step_audio_2/ear/ear.hpp"
#include "engine/models/step_audio_2/text/prompt.hpp"
#include "engine/models/step_audio_2/text/recipe.hpp"
#include "engine/models/step_audio_2/text/vocabulary.hpp"
#include "engine/text/byte_level_bpe.hpp"
#include "engine/weights/bundle.hpp"

namespace parley::step_audio_2 {

struct CoreOptions {
  std::string device = "cpu";  // or "cuda", "cuda:1": opened before with cuda::open
  int threads = 0;             // of the CPU kernels; 0: as many as there are cores
  causal_lm::Precision precision = causal_lm::Precision::as_stored;
  bool cuda_graphs = false;   // on a GPU, decode steps are captured and replayed
  bool decode_ahead = false;  // the device chooses tokens, a step ahead of the host: pays on a GPU
};

struct Core {
  // Throws std::runtime_error with a sentence for the operator: what is missing in the bundle, or does not
  // fit.
  static std::unique_ptr<Core> load(const weights::Bundle& bundle, const CoreOptions& options);

  bool ends_answer(int id) const;  // a stop token

  text::ByteLevelBpe tokenizer;
  Recipe recipe;
  Ear ear;
  causal_lm::TokenModel brain;  // after ear: on a GPU it leaves the thread on a stream of its own
  Vocabulary vocabulary;
  PromptWriter writer;
  std::vector<int> stop_ids;

 private:
  Core(const weights::Bundle& bundle, const CoreOptions& options);
};

// "float32", "bfloat16", "float16", "int8", or "" for as stored. Throws std::invalid_argument with a
// sentence.
causal_lm::Precision precision_of(const std::string& name);

}  // namespace parley::step_audio_2
