// Opens a bundle of the type "starter".
#pragma once

#include <memory>

#include "engine/models/load_model.hpp"

namespace parley::starter {

// From the parts `ear`, `brain` and `voice`. Throws std::runtime_error with a sentence.
std::unique_ptr<engine::SpeechModel> load_starter(const weights::Bundle& bundle,
                                                  const models::ModelOptions& options);

}  // namespace parley::starter
