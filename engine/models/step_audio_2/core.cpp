// Tested by test/engine/models/step_audio_2/generator_test.cpp.
#include "engine/models/step_audio_2/core.hpp"

#include <algorithm>
#include <stdexcept>

namespace parley::step_audio_2 {
namespace {

using causal_lm::Precision;

// The ear is computed in float32 where that is asked for, and otherwise as its weights are stored: it is not
// rounded to what the language model is rounded to.
std::string ear_dtype(Precision precision) { return precision == Precision::float32 ? "float32" : ""; }

std::vector<int> stop_ids_of(const Recipe& recipe, const text::ByteLevelBpe& tokenizer,
                             const std::filesystem::path& folder) {
  std::vector<int> ids;
  for (const std::string& token : recipe.stop_tokens)
    if (const auto id = tokenizer.id_of(token)) ids.push_back(*id);
  if (ids.empty())
    throw std::runtime_error(
        folder.string() + ": the tokenizer has none of the recipe's stop tokens, the first of which is " +
        recipe.stop_tokens.front() + "; convert the checkpoint with the recipe that belongs to it");
  return ids;
}

}  // namespace

std::unique_ptr<Core> Core::load(const weights::Bundle& bundle, const CoreOptions& options) {
  return std::unique_ptr<Core>(new Core(bundle, options));
}

Core::Core(const weights::Bundle& bundle, const CoreOptions& options)
    : tokenizer(text::ByteLevelBpe::open(bundle.part("model") / "tokenizer.json")),
      recipe(Recipe::read(bundle.part("recipe"))),
      ear(Ear::load(
          bundle.part("model"),
          {.threads = options.threads, .device = options.device, .dtype = ear_dtype(options.precision)})),
      brain(causal_lm::TokenModel::load(bundle.part("model"), {.threads = options.threads,
                                                               .device = options.device,
                                                               .precision = options.precision,
                                                               .graphs = options.cuda_graphs,
                                                               .ahead = options.decode_ahead})),
      vocabulary(Vocabulary::read(tokenizer, brain.info().vocabulary, bundle.part("model").string())),
      writer(tokenizer, vocabulary, recipe.chat),
      stop_ids(stop_ids_of(recipe, tokenizer, bundle.part("model"))) {
  if (ear.hidden() != brain.info().hidden_size)
    throw std::runtime_error(bundle.part("model").string() + ": the adaptor makes rows of " +
                             std::to_string(ear.hidden()) + " numbers, the language model reads " +
                             std::to_string(brain.info().hidden_size) +
                             "; encoder and language model must come from the same checkpoint");
}

bool Core::ends_answer(int id) const { return std::ranges::find(stop_ids, id) != stop_ids.end(); }

Precision precision_of(const std::string& name) {
  if (name.empty()) return Precision::as_stored;
  if (name == "float32") return Precision::float32;
  if (name == "bfloat16") return Precision::bfloat16;
  if (name == "float16") return Precision::float16;
  if (name == "int8") return Precision::int8;
  throw std::invalid_argument("expected float32, bfloat16, float16 or int8, got \"" + name + "\"");
}

}  // namespace parley::step_audio_2
