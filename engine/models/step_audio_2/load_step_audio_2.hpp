// Opens a bundle of the type "step_audio_2" for conversations.
#pragma once

#include <memory>

#include "engine/models/load_model.hpp"

namespace parley::step_audio_2 {

// From the parts `model`, `recipe`, `voices`, `speaker` and `token2wav`. Throws std::runtime_error with a
// sentence.
std::unique_ptr<engine::SpeechModel> load_step_audio_2(const weights::Bundle& bundle,
                                                       const models::ModelOptions& options);

}  // namespace parley::step_audio_2
