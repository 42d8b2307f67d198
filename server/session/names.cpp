// Tested by test/server/session/small_parts_test.cpp.
#include "server/session/names.hpp"

#include <algorithm>

namespace parley::server {
namespace {

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

bool has_voice(const engine::ModelInfo& model, std::string_view name) {
  return std::any_of(model.voices.begin(), model.voices.end(),
                     [name](const auto& voice) { return voice.name == name; });
}

}  // namespace

bool model_accepted(std::string_view asked, const engine::ModelInfo& model, const NameSettings& names) {
  if (!names.strict_models || asked == model.id) return true;
  return std::any_of(names.model_aliases.begin(), names.model_aliases.end(),
                     [asked](const std::string& alias) { return matches(asked, alias); });
}

std::string local_voice(std::string_view asked, const engine::ModelInfo& model, const NameSettings& names,
                        const std::string& default_voice) {
  if (has_voice(model, asked)) return std::string(asked);
  for (const auto& [alias, voice] : names.voice_aliases)
    if (matches(asked, alias) && has_voice(model, voice)) return voice;
  return default_voice;
}

std::string default_voice(const engine::ModelInfo& model, const SessionDefaults& defaults) {
  if (has_voice(model, defaults.voice)) return defaults.voice;
  return model.voices.empty() ? "default" : model.voices.front().name;
}

}  // namespace parley::server
