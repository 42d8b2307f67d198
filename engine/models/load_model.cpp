#include "engine/models/load_model.hpp"

#include <stdexcept>

#include "engine/models/starter/load_starter.hpp"
#include "engine/models/step_audio_2/load_step_audio_2.hpp"

namespace parley::models {

std::unique_ptr<engine::SpeechModel> load_model(const weights::Bundle& bundle, const ModelOptions& options) {
  if (bundle.type() == "starter") return starter::load_starter(bundle, options);
  if (bundle.type() == "step_audio_2") return step_audio_2::load_step_audio_2(bundle, options);
  throw std::runtime_error(bundle.folder().string() + " is a bundle of the type \"" + bundle.type() +
                           "\"; this program can run the types \"starter\" and \"step_audio_2\".");
}

}  // namespace parley::models
