// Foreign names of models and voices (protocol.md 3.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/speech_model.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Whether a session may be opened under that model name: ours, one of the aliases, or any if not strict.
bool model_accepted(std::string_view asked, const engine::ModelInfo& model, const NameSettings& names);

// The voice of ours that a client's name means; the default one if it means none.
std::string local_voice(std::string_view asked, const engine::ModelInfo& model, const NameSettings& names,
                        const std::string& default_voice);
std::string default_voice(const engine::ModelInfo& model, const SessionDefaults& defaults);

}  // namespace parley::server
