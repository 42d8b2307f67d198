#include "engine/models/load_model.hpp"

#include <stdexcept>

#include "engine/models/starter/load_starter.hpp"

namespace parley::models {

std::unique_ptr<engine::SpeechModel> load_model(const weights::Bundle& bundle, const ModelOptions& options) {
  if (bundle.type() == "starter") return starter::load_starter(bundle, options);
  throw std::runtime_error(bundle.folder().string() + " is a bundle of the type \"" + bundle.type() +
                           "\"; this program can run the type \"starter\".");
}

}  // namespace parley::models
